"""saved_model.load: an object with the variables, functions and attributes that were saved."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opwright import EagerTensor, Shape, as_dtype, convert_to_tensor, export, ops, scopes
from opwright.errors import ArgumentError, GraphError, OpwrightError
from opwright_control.funcgraph import FuncGraph
from opwright_function.function import ConcreteFunction
from opwright_function.signature import TensorSpec
from opwright_saving.folder import read
from opwright_saving.reading import build
from opwright_saving.requirements import check

from opwright_saved_model.nests import decoded


@export("saved_model.load")
def load(export_dir: Any, tags: Any = None, options: Any = None) -> Any:
    """What save wrote to the folder: an object with the attributes it had, or a function. Its source is not needed.

    `signatures` there are functions of named tensors that give dicts of named tensors. Raises PluginError where
    packages of ops are missing, with the pip command that helps; GraphError where the folder holds no saved model.
    """
    described, tensors = read(Path(export_dir))
    if "model" not in described:
        raise GraphError(
            f"[saved_model.load] export_dir must be what saved_model.save wrote, got the graph {str(export_dir)!r}; "
            "use ow.load"
        )
    check(described["ops"])
    with scopes.entered(None):
        return Loader(described, tensors).load()


class Loader:
    """Builds variables, traces and objects from their descriptions, each once."""

    def __init__(self, described: dict[str, Any], tensors: dict[str, Any]) -> None:
        self._described = described
        self._tensors = tensors
        self._nodes: dict[int, Any] = {}
        self._variables = [self._variable(i, saved) for i, saved in enumerate(described["variables"])]
        self._traces = [self._trace(i, saved) for i, saved in enumerate(described["functions"])]

    def load(self) -> Any:
        model = self._described["model"]
        root = self._node(model["root"])
        root.signatures = {name: Signature(self._traces[i].concrete) for name, i in model["signatures"].items()}
        return root

    def _variable(self, number: int, saved: dict[str, Any]) -> Any:
        dtype = as_dtype(saved["dtype"])
        value = EagerTensor(self._tensors[f"variable/{number}"], dtype)
        return ops.Variable(value, trainable=saved["trainable"], name=saved["name"])

    def _constant(self, saved: Any) -> EagerTensor:
        return EagerTensor(self._tensors[saved[1]], as_dtype(saved[0]))

    def _trace(self, number: int, saved: dict[str, Any]) -> Trace:
        prefix = f"function/{number}/"
        own = {key.removeprefix(prefix): value for key, value in self._tensors.items() if key.startswith(prefix)}
        graph = FuncGraph(saved["name"], None)
        build(saved["graph"], own, graph)
        inputs = [graph.get_tensor_by_name(name) for name in saved["arguments"]]
        captures = []
        for name, kept in saved["captures"]:
            ((kind, value),) = kept.items()
            outside = self._variables[value].__opwright_tensor__() if kind == "variable" else self._constant(value)
            captures.append((outside, graph.get_tensor_by_name(name)))
        graph.__opwright_bind__(
            {"inputs": [*inputs, *(inner for _, inner in captures)], "captures": captures, "controls": []}
        )
        outputs = [graph.get_tensor_by_name(name) for name in saved["outputs"]]
        returned = decoded(saved["returned"], lambda kind, value: outputs[value] if kind == "output" else None)
        args = tuple(decoded(arg, _argument) for arg in saved["args"])
        kwargs = {name: decoded(arg, _argument) for name, arg in saved["kwargs"].items()}
        parameters = [
            inspect.Parameter(name, inspect._ParameterKind[kind], **({"default": rest[0]} if rest else {}))
            for name, kind, *rest in saved["parameters"]
        ]
        concrete = ConcreteFunction(graph, inputs, returned, saved["name"], (args, kwargs), parameters)
        return Trace(concrete, inspect.Signature(parameters))

    def _node(self, number: int) -> Any:
        if number not in self._nodes:
            ((kind, value),) = self._described["model"]["nodes"][number].items()
            if kind == "object":
                made = self._nodes[number] = Restored()
                for name, inner in value.items():
                    vars(made)[name] = self._node(inner)
            else:
                self._nodes[number] = self._leaf(kind, value)
        return self._nodes[number]

    def _leaf(self, kind: str, value: Any) -> Any:
        makers: dict[str, Callable[[Any], Any]] = {
            "value": lambda v: v,
            "variable": self._variables.__getitem__,
            "tensor": self._constant,
            "function": lambda numbers: RestoredFunction([self._traces[i] for i in numbers]),
            "list": lambda numbers: [self._node(i) for i in numbers],
            "tuple": lambda numbers: tuple(self._node(i) for i in numbers),
            "dict": lambda named: {name: self._node(i) for name, i in named.items()},
        }
        return makers[kind](value)


def _argument(kind: str, value: Any) -> Any:
    if kind == "spec":
        dtype, dims, name = value
        return TensorSpec(Shape(dims), dtype, name)
    return value


class Restored(ops.Module):  # type: ignore[misc]
    """A saved object: its attributes and functions. Callable if `__call__` was a function."""

    def __init__(self) -> None:
        super().__init__()
        self.signatures: dict[str, Signature] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        found = vars(self).get("__call__")
        if found is None:
            raise ArgumentError(
                f"[saved_model] the saved object must have a function __call__ to be called; it has "
                f"{sorted(n for n, v in vars(self).items() if isinstance(v, RestoredFunction))}"
            )
        return found(*args, **kwargs)


class Trace:
    """A saved trace, and how Python arguments become its tensors."""

    def __init__(self, concrete: ConcreteFunction, signature: inspect.Signature) -> None:
        self.concrete = concrete
        self._signature = signature

    def tensors(self, args: Any, kwargs: Any) -> list[Any] | None:
        """The tensors among the arguments, if they are like those it was traced for."""
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        wanted, named = self.concrete.structured_input_signature
        found: list[Any] = []
        return found if _fits([*wanted, named], [*bound.args, bound.kwargs], found) else None


def _fits(wanted: Any, given: Any, tensors: list[Any]) -> bool:
    if isinstance(wanted, dict):
        same = isinstance(given, dict) and wanted.keys() == given.keys()
        return same and all(_fits(wanted[key], given[key], tensors) for key in sorted(wanted, key=str))
    if isinstance(wanted, (list, tuple)):
        same = isinstance(given, (list, tuple)) and len(given) == len(wanted)
        return same and all(_fits(w, g, tensors) for w, g in zip(wanted, given, strict=True))
    if not isinstance(wanted, TensorSpec):
        return type(wanted) is type(given) and bool(wanted == given)
    try:
        tensor = _converted(given, wanted)
    except (OpwrightError, TypeError, ValueError):
        return False
    tensors.append(tensor)
    return wanted.is_compatible_with(tensor)


def _converted(given: Any, spec: TensorSpec) -> Any:
    known = hasattr(given, "__opwright_tensor__") or isinstance(given, EagerTensor)
    return convert_to_tensor(given, None if known else spec.dtype)


class RestoredFunction:
    """A saved function: takes arguments like those that it was traced for."""

    def __init__(self, traces: list[Trace]) -> None:
        self._traces = traces
        self.__name__ = traces[0].concrete.name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if scopes.current_graph() is not None:
            raise GraphError(
                f"[saved_model] the saved function {self.__name__!r} must be called eagerly, got a call inside a graph "
                "or function; call it outside and pass on what it gives"
            )
        for trace in self._traces:
            tensors = trace.tensors(args, kwargs)
            if tensors is not None:
                return trace.concrete.run(tensors)
        there = "\n".join(f"  {t.concrete.structured_input_signature}" for t in self._traces)
        raise ArgumentError(
            f"[saved_model] arguments of {self.__name__!r} must be like those it was saved for, got {args} "
            f"{kwargs or ''}; there are\n{there}"
        )

    def concrete_functions(self) -> list[ConcreteFunction]:
        """The traces."""
        return [trace.concrete for trace in self._traces]


class Signature:
    """A trace that takes tensors by name and gives a dict of tensors."""

    def __init__(self, concrete: ConcreteFunction) -> None:
        self._concrete = concrete
        self._names = concrete.argument_names

    def __call__(self, **given: Any) -> dict[str, Any]:
        if set(given) != set(self._names):
            raise ArgumentError(
                f"[saved_model] the signature must be called with {', '.join(f'{n}=' for n in self._names)}, got "
                f"{', '.join(given) or 'nothing'}"
            )
        specs = self.structured_input_signature
        made = self._concrete(*[_converted(given[name], specs[name]) for name in self._names])
        if isinstance(made, dict):
            return made
        listed = made if isinstance(made, (list, tuple)) else [made]
        return {f"output_{i}": value for i, value in enumerate(listed)}

    @property
    def structured_input_signature(self) -> dict[str, Any]:
        """What tensor each name stands for."""
        inputs = self._concrete.inputs
        return {name: TensorSpec(t.shape, t.dtype, name) for name, t in zip(self._names, inputs, strict=False)}
