"""function: a Python function that builds its graph when called for new kinds of arguments, and then runs it in C."""

from __future__ import annotations

import inspect
import itertools
import logging
import threading
import weakref
from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any

from opwright import EagerTensor, IndexedSlices, Operation, Tensor, convert_to_tensor, export, scopes
from opwright.errors import ArgumentError, GraphError
from opwright_control import nest
from opwright_control.funcgraph import FuncGraph
from opwright_control.trace import as_output

from opwright_function.autograph.convert import converted
from opwright_function.signature import Signature, TensorSpec, describe, replaced, widened
from opwright_function.traced import Traced

_log = logging.getLogger("opwright")
_eagerly = [False]
watchers: list[Callable[[ConcreteFunction], None]] = []  # told of each call of a trace


class ConcreteFunction:
    """A function traced for one kind of arguments: takes tensors like those, runs as one step."""

    def __init__(
        self,
        graph: FuncGraph,
        arguments: Sequence[Tensor],
        returned: Any,
        name: str,
        signature: tuple[tuple[Any, ...], dict[str, Any]],
        parameters: Sequence[inspect.Parameter],
    ) -> None:
        self.graph = graph
        self.name = name
        self.structured_input_signature = signature  # the arguments, TensorSpecs in place of tensors
        self.parameters = list(parameters)
        leaves = nest.flatten(returned)
        self._is_output = [_gives_tensor(leaf) for leaf in leaves]
        self._structure = returned
        outputs = [as_output(graph, leaf) for leaf, is_output in zip(leaves, self._is_output, strict=True) if is_output]
        graph.outputs = outputs
        graph.closed = True
        self._captured = [outside for outside, _ in graph.captures]
        self._n = len(arguments)
        self._arguments = list(arguments)
        self._traced = Traced(graph, [*arguments, *(inner for _, inner in graph.captures)], outputs, graph.effects)
        self._single = isinstance(returned, Tensor) or (len(leaves) == 1 and leaves[0] is returned and bool(outputs))

    def run(self, tensors: list[Any]) -> Any:
        """What the function returns for the tensors among its arguments."""
        made = self._traced([*tensors, *self._captured])
        if self._single:
            return made[0]
        found = iter(made)
        return nest.pack(self._structure, [next(found) if is_output else None for is_output in self._is_output])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        order = {name: i for i, name in enumerate(self.argument_names)}
        named = sorted(kwargs.items(), key=lambda item: order.get(item[0], 0))
        given = [convert_to_tensor(leaf) for leaf in nest.flatten(list(args) + [value for _, value in named])]
        tensors = [t for t in given if isinstance(t, EagerTensor)]
        if len(tensors) != self._n:
            raise ArgumentError(f"[function] {self.name!r} takes {self._n} tensors here, got {len(tensors)}")
        for i, (tensor, argument) in enumerate(zip(tensors, self._arguments, strict=True)):
            if tensor.dtype is not argument.dtype or not argument.shape.is_compatible_with(tensor.shape):
                raise ArgumentError(
                    f"[function] argument {i} of {self.name!r} must have dtype {argument.dtype.name} and shape "
                    f"{argument.shape}, for which it was traced, got dtype {tensor.dtype.name} and shape {tensor.shape}"
                )
        return self.run(tensors)

    @property
    def inputs(self) -> list[Tensor]:
        """The graph's inputs: the arguments, then what is captured."""
        return list(self._traced.inputs)

    @property
    def outputs(self) -> list[Tensor]:
        return list(self._traced.outputs)

    @property
    def captured_inputs(self) -> list[Any]:
        """The eager tensors and variables' memories that the function uses without taking them as arguments."""
        return list(self._captured)

    @property
    def structured_outputs(self) -> Any:
        return nest.pack(self._structure, [leaf if is_output else None for leaf, is_output in zip(
            nest.flatten(self._structure), self._is_output, strict=True)])  # fmt: skip

    @property
    def output_structure(self) -> Any:
        """What the function returns, with the numbers of its outputs in place of tensors."""
        numbers = itertools.count()
        return nest.pack(self._structure, [next(numbers) if is_output else None for is_output in self._is_output])

    @property
    def argument_names(self) -> list[str]:
        """A name for each tensor among the arguments: its spec's, or its parameter's."""
        args, kwargs = self.structured_input_signature
        found: list[str] = []
        named = [*zip([p.name for p in self.parameters], args, strict=False), *kwargs.items()]
        for name, value in named:
            specs = [leaf for leaf in nest.flatten(value) if isinstance(leaf, TensorSpec)]
            found += [s.name or (name if len(specs) == 1 else f"{name}_{i}") for i, s in enumerate(specs)]
        return found

    def __repr__(self) -> str:
        arguments = ", ".join(f"{t.dtype.name}{t.shape}" for t in self._arguments)
        return f"<ConcreteFunction {self.name}({arguments})>"


def _gives_tensor(leaf: Any) -> bool:
    return leaf is not None and not isinstance(leaf, Operation)


class Function:
    """What `function` makes of a Python function."""

    def __init__(
        self, python_function: Callable[..., Any], name: str, specs: Any, autograph: bool, reduce_retracing: bool
    ) -> None:
        self.python_function = python_function
        self.name = name
        self.input_signature = None if specs is None else tuple(specs)
        self._autograph = autograph
        self._reduce = reduce_retracing
        self._signature = Signature(python_function, specs)
        self._traces: dict[Any, tuple[ConcreteFunction, list[Any]]] = {}
        self._wide: dict[Any, tuple[list[Any], Any]] = {}  # by what is not a tensor: the shapes so far
        self._lock = threading.RLock()
        self._variables: list[Any] = []  # made in the first trace; they live as long as the function
        self._streak = 0  # calls in a row that had to trace
        self._instances: weakref.WeakKeyDictionary[Any, Function] = weakref.WeakKeyDictionary()
        update_wrapper(self, python_function, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if _eagerly[0]:
            return self.python_function(*args, **kwargs)
        if scopes.current_graph() is not None:
            return self._code(*args, **kwargs)
        args, kwargs = self._signature.bind(args, kwargs)
        found = self._find(args, kwargs)
        if found is None:
            return self._code(*args, **kwargs)
        for watch in watchers:
            watch(found[0])
        return found[0].run(found[1])

    @property
    def _code(self) -> Callable[..., Any]:
        return converted(self.python_function) if self._autograph else self.python_function

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """The function as a method: each instance has its own traces."""
        if instance is None:
            return self
        try:
            return self._instances[instance]
        except (KeyError, TypeError):
            pass
        bound = self.python_function.__get__(instance, owner)
        made = Function(bound, self.name, self.input_signature, self._autograph, self._reduce)
        try:
            self._instances[instance] = made
        except TypeError:
            pass  # cannot be referred to weakly: traced anew each time
        return made

    # -- tracing -------------------------------------------------------------------------------------------------------

    def _find(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[ConcreteFunction, list[Any]] | None:
        """The trace for arguments of this kind, and the tensors among them; None if one is a batch of vmap, which
        sees each op for itself."""
        if self._signature.specs is not None:
            args = self._signature.conform(args)
        tensors: list[Any] = []
        held: list[Any] = []
        key = tuple([describe(value, tensors, held) for value in args])
        if kwargs:
            key = (*key, tuple([(name, describe(value, tensors, held)) for name, value in kwargs.items()]))
        if held and any(hasattr(thing, "__opwright_call__") for thing in held):
            return None
        if self._signature.specs is not None:
            key = ()
        try:
            found = self._traces.get(key)
        except TypeError as e:
            raise ArgumentError(
                f"[function] an argument of {self.name!r} must be hashable, a tensor or a nest: {e}"
            ) from None
        if found is None:
            with self._lock:
                found = self._traces.get(key) or self._make(key, args, kwargs, tensors, held)
        else:
            self._streak = 0
        return found[0], tensors

    def _make(self, key: Any, args: Any, kwargs: Any, tensors: list[Any], held: list[Any]) -> Any:
        specs = self._specs(args, kwargs, tensors)
        general: Any = None
        if self._reduce and self._signature.specs is None:
            rest = _untyped(key)
            known, general = self._wide.get(rest, (None, None))
            wide = widened(specs, known) if known is not None else None
            if wide is not None:
                if general is None or wide != known:
                    general = self._trace(args, kwargs, wide), held
                specs = wide
            self._wide[rest] = specs, general
        made = general or (self._trace(args, kwargs, specs), held)
        self._traces[key] = made
        return made

    def _specs(self, args: Any, kwargs: Any, tensors: list[Any]) -> list[Any]:
        if self._signature.specs is not None:
            return [leaf for leaf in nest.flatten(list(self._signature.specs)) if isinstance(leaf, TensorSpec)]
        return [TensorSpec(t.shape, t.dtype, getattr(t, "name", None)) for t in tensors]

    def _trace(self, args: Any, kwargs: Any, specs: list[Any]) -> ConcreteFunction:
        self._warn()
        may_create = not self._traces and not self._variables
        made = self._trace_once(args, kwargs, specs, may_create)
        if made.graph.variables:
            self._variables = made.graph.variables
            made = self._trace_once(args, kwargs, specs, False)  # would it create them on every call?
        return made

    def _trace_once(self, args: Any, kwargs: Any, specs: list[Any], may_create: bool) -> ConcreteFunction:
        graph = FuncGraph(self.name, None)
        graph.may_create = may_create
        with graph.as_default():
            arguments = [graph.argument(spec.dtype, spec.shape, spec.name or "arg") for spec in specs]
            stand_ins, spec = iter(arguments), iter(specs)
            signature = replaced(args, lambda _: next(spec)), replaced(kwargs, lambda _: next(spec))
            args = replaced(args, lambda _: next(stand_ins))
            kwargs = replaced(kwargs, lambda _: next(stand_ins))
            returned = self._code(*args, **kwargs)
            parameters = self._signature.parameters.parameters.values()
            return ConcreteFunction(
                graph, arguments, _readable(self.name, returned), self.name, signature, list(parameters)
            )

    def _warn(self) -> None:
        """Of a function that is traced call after call, as TensorFlow does."""
        self._streak += 1
        if self._streak == 5:
            _log.warning(
                "the last %d calls of %s had to trace it, which is slow. Pass tensors instead of Python numbers, give "
                "input_signature or reduce_retracing=True for varying shapes, and define it outside of loops.",
                self._streak,
                self.name,
            )
            self._streak = 0

    def concrete_functions(self) -> list[ConcreteFunction]:
        """The traces there are."""
        return list({id(concrete): concrete for concrete, _ in self._traces.values()}.values())

    def get_concrete_function(self, *args: Any, **kwargs: Any) -> ConcreteFunction:
        """The trace for arguments like these: tensors, TensorSpecs, other values."""
        if self.input_signature is not None and not args and not kwargs:
            args = self.input_signature
        args, kwargs = self._signature.bind(args, kwargs)
        found = self._find(args, kwargs)
        assert found is not None
        return found[0]

    def experimental_get_tracing_count(self) -> int:
        """How many times the function has been traced."""
        return len(self.concrete_functions())

    def pretty_printed_concrete_signatures(self) -> str:
        """The traces, a line each."""
        return "\n".join(map(repr, self.concrete_functions()))

    def __repr__(self) -> str:
        return f"<Function {self.name}>"


def _untyped(key: Any) -> Any:
    """The key without what it says of tensors."""
    if isinstance(key, tuple) and len(key) == 2 and hasattr(key[0], "is_floating"):
        return "tensor"
    if isinstance(key, tuple):
        return tuple(_untyped(k) for k in key)
    return "tensor" if hasattr(key, "shape") else key


def _readable(name: str, returned: Any) -> Any:
    for leaf in nest.flatten(returned):
        if leaf is not None and not isinstance(leaf, (Tensor, Operation, IndexedSlices)):
            try:
                convert_to_tensor(leaf)
            except (TypeError, ValueError):
                raise GraphError(
                    f"[function] {name!r} must return tensors, or nests of them and of None, got {leaf!r}"
                ) from None
    return returned


@export("function")
def function(
    func: Callable[..., Any] | None = None,
    input_signature: Any = None,
    autograph: bool = True,
    jit_compile: bool | None = None,
    reduce_retracing: bool = False,
    experimental_implements: str | None = None,
    experimental_autograph_options: Any = None,
    experimental_follow_type_hints: bool | None = None,
    experimental_relax_shapes: bool | None = None,
) -> Any:
    """Makes a Python function run as one step: it is traced into a graph once for each kind of arguments.

    A kind is the dtypes and shapes of the tensors and the values of all else; Python runs only while tracing. Variables
    may be made in the first call only. With input_signature, TensorSpecs, there is one trace for all that fits them;
    with reduce_retracing shapes that vary become unknown. `if`, `while`, `for` over tensors become cond and while_loop
    (autograph=False: they are errors). Usable as a decorator, with or without arguments, also of methods.
    """
    relaxed = reduce_retracing or bool(experimental_relax_shapes)

    def decorate(python_function: Callable[..., Any]) -> Function:
        if not callable(python_function):
            raise ArgumentError(f"[function] func must be a function, got {python_function!r}")
        if isinstance(python_function, Function):
            python_function = python_function.python_function
        name = getattr(python_function, "__name__", type(python_function).__name__)
        name = name if name.isidentifier() else "function"
        return Function(python_function, name, input_signature, autograph, relaxed)

    return decorate if func is None else decorate(func)


@export("config.run_functions_eagerly")
def run_functions_eagerly(run_eagerly: bool) -> None:
    """With True, functions run as the Python functions they were made of: for debugging."""
    _eagerly[0] = bool(run_eagerly)


@export("config.functions_run_eagerly")
def functions_run_eagerly() -> bool:
    """Whether functions run as plain Python."""
    return _eagerly[0]


@export("init_scope")
def init_scope() -> Any:
    """A block outside of the function being traced: in it variables and tensors are those of the world around."""
    return scopes.entered(scopes.home_graph())
