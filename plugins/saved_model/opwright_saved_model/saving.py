"""saved_model.save: the variables, the functions' graphs and the attributes of an object, in a folder."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import opwright
from opwright import EagerTensor, ops
from opwright.errors import ArgumentError, GraphError
from opwright_function.function import ConcreteFunction, Function
from opwright_function.signature import TensorSpec
from opwright_saving.folder import write
from opwright_saving.writing import FORMAT, describe

from opwright_saved_model.constants import DEFAULT_SERVING_SIGNATURE_DEF_KEY
from opwright_saved_model.nests import PLAIN, encoded


@opwright.export("saved_model.save")
def save(obj: Any, export_dir: Any, signatures: Any = None, options: Any = None) -> Path:
    """Writes an object to the folder: a Module, another object, or a function.

    Kept are its variables, its `function`s as they have been traced (or as their input_signature says), and what else
    of its attributes is a number, a text, a tensor, a list, tuple or dict of such things, or a Module. `signatures`, a
    function or a dict of them, are what `load(...).signatures` gives; by default the object's only trace.
    Raises GraphError where a graph cannot be saved, ArgumentError where a signature is no function with one trace.
    """
    chosen = {name: _one_trace(name, function) for name, function in _signatures(obj, signatures).items()}
    saver = Saver()
    root = saver.node(obj)
    if root is None:
        raise ArgumentError(f"[saved_model.save] obj must be a module or a function, got {obj!r}")
    named = {name: saver.function(trace) for name, trace in chosen.items()}
    described = {
        "format": FORMAT,
        "opwright": opwright.__version__,
        "model": {"root": root, "nodes": saver.nodes, "signatures": named},
        "variables": saver.variables,
        "functions": saver.functions,
        "ops": {name: saved for function in saver.functions for name, saved in function["graph"]["ops"].items()},
    }
    return write(Path(export_dir), described, saver.tensors)


def _signatures(obj: Any, given: Any) -> dict[str, Any]:
    if isinstance(given, dict):
        return given
    if given is not None:
        return {str(DEFAULT_SERVING_SIGNATURE_DEF_KEY): given}
    found = [obj] if isinstance(obj, (Function, ConcreteFunction)) else list(functions_of(obj).values())
    single = len(found) == 1 and len(_traces(found[0])) == 1
    return {str(DEFAULT_SERVING_SIGNATURE_DEF_KEY): found[0]} if single else {}


def _traces(function: Any) -> list[ConcreteFunction]:
    if isinstance(function, ConcreteFunction):
        return [function]
    if not function.concrete_functions() and function.input_signature is not None:
        function.get_concrete_function()
    return function.concrete_functions()  # type: ignore[no-any-return]


def _one_trace(name: str, function: Any) -> ConcreteFunction:
    traces = _traces(function) if isinstance(function, (Function, ConcreteFunction)) else []
    if len(traces) != 1:
        raise ArgumentError(
            f"[saved_model.save] signature {name!r} must be a function with one trace, got {function!r} with "
            f"{len(traces)}; pass get_concrete_function(...)"
        )
    return traces[0]


def functions_of(obj: Any) -> dict[str, Any]:
    """The functions among an object's attributes and its class's methods, by name."""
    named = [n for cls in type(obj).__mro__ for n, value in vars(cls).items() if isinstance(value, Function)]
    found = {name: getattr(obj, name) for name in dict.fromkeys(named)}
    own = vars(obj).items() if hasattr(obj, "__dict__") else ()
    return found | {n: value for n, value in own if isinstance(value, (Function, ConcreteFunction))}


class Saver:
    """Describes objects, each once: `nodes` refer to each other, to variables and to functions by number."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.variables: list[dict[str, Any]] = []
        self.functions: list[dict[str, Any]] = []
        self.tensors: dict[str, Any] = {}
        self._seen: dict[int, tuple[Any, int]] = {}  # things by id, kept alive, and their numbers

    def node(self, thing: Any) -> int | None:
        """The number of a thing's node; None for what cannot be kept."""
        if id(thing) in self._seen and not isinstance(thing, PLAIN):
            return self._seen[id(thing)][1]
        number = len(self.nodes)
        self.nodes.append(None)
        self._seen[id(thing)] = thing, number
        self.nodes[number] = self._described(thing)
        return None if self.nodes[number] is None else number

    def _described(self, thing: Any) -> Any:
        if isinstance(thing, PLAIN):
            return {"value": thing}
        if hasattr(thing, "assign") and hasattr(thing, "trainable"):
            return {"variable": self.variable(thing.__opwright_tensor__(), thing)}
        if isinstance(thing, (Function, ConcreteFunction)):
            return self._function(thing)
        if isinstance(thing, (EagerTensor, np.ndarray)):
            return {"tensor": self._constant(ops.constant(thing) if isinstance(thing, np.ndarray) else thing)}
        if isinstance(thing, (list, tuple)):
            kept = [n for n in map(self.node, thing) if n is not None]
            return {"list" if isinstance(thing, list) else "tuple": kept}
        if isinstance(thing, dict):
            return {"dict": self._named(thing)}
        if isinstance(thing, ops.Module) or not self._seen.keys() - {id(thing)}:  # the root may be any object
            attributes = vars(thing) | functions_of(thing) if hasattr(thing, "__dict__") else {}
            return {"object": self._named(attributes)} if attributes else None
        return None

    def _named(self, things: dict[Any, Any]) -> dict[str, int]:
        found = {name: self.node(value) for name, value in things.items() if isinstance(name, str)}
        return {name: number for name, number in found.items() if number is not None}

    def variable(self, ref: Any, variable: Any = None) -> int:
        """The number of a variable, given by its memory."""
        if id(ref) not in self._seen:
            number = len(self.variables)
            self._seen[id(ref)] = ref, number
            self.tensors[f"variable/{number}"] = ref.storage.copy()
            name = getattr(variable, "name", "Variable:0").partition(":")[0]
            trainable = bool(getattr(variable, "trainable", True))
            self.variables.append({"name": name, "dtype": ref.dtype.name, "trainable": trainable})
        return self._seen[id(ref)][1]

    def _constant(self, tensor: EagerTensor) -> list[str]:
        key = f"constant/{len(self.tensors)}"
        if tensor.dtype == "string":
            raise GraphError(
                f"[saved_model.save] tensors of strings must be made inside of functions, got {tensor}; write the "
                "value there"
            )
        self.tensors[key] = tensor.storage
        return [tensor.dtype.name, key]

    def _function(self, function: Any) -> Any:
        traces = _traces(function)
        if not traces:
            warnings.warn(
                f"[saved_model.save] {function!r} has no trace and is left out; call it first, or give it an "
                "input_signature",
                stacklevel=2,
            )
            return None
        return {"function": [self.function(trace) for trace in traces]}

    def function(self, trace: ConcreteFunction) -> int:
        """The number of a trace."""
        if id(trace) not in self._seen:
            number = len(self.functions)
            self._seen[id(trace)] = trace, number
            self.functions.append(self._trace(trace, f"function/{number}/"))
        return self._seen[id(trace)][1]

    def _trace(self, trace: ConcreteFunction, prefix: str) -> dict[str, Any]:
        described, tensors = describe(trace.graph)
        self.tensors |= {prefix + key: value for key, value in tensors.items()}
        args, kwargs = trace.structured_input_signature
        known = len(trace.inputs) - len(trace.captured_inputs)
        captures = [
            {"variable": self.variable(outside)} if outside.is_ref else {"tensor": self._constant(outside)}
            for outside in trace.captured_inputs
        ]
        return {
            "name": trace.name,
            "graph": described,
            "parameters": [[p.name, p.kind.name, *_default(p)] for p in trace.parameters],
            "args": [encoded(arg, _argument) for arg in args],
            "kwargs": {name: encoded(arg, _argument) for name, arg in kwargs.items()},
            "arguments": [t.name for t in trace.inputs[:known]],
            "captures": [[t.name, kept] for t, kept in zip(trace.inputs[known:], captures, strict=True)],
            "outputs": [t.name for t in trace.outputs],
            "returned": encoded(trace.output_structure, _result),
        }


def _default(parameter: Any) -> list[Any]:
    """A parameter's default, in a list, if it is plain."""
    kept = parameter.default is not parameter.empty and isinstance(parameter.default, PLAIN)
    return [parameter.default] if kept else []


def _argument(value: Any) -> Any:
    if isinstance(value, TensorSpec):
        return {"spec": [value.dtype.name, None if value.shape.dims is None else list(value.shape.dims), value.name]}
    if isinstance(value, PLAIN):
        return {"value": value}
    raise GraphError(
        f"[saved_model.save] arguments of functions must be tensors, numbers or texts, got {value!r}; use it "
        "from outside"
    )


def _result(value: Any) -> Any:
    if value is None:
        return {"none": 0}
    if not isinstance(value, int):
        raise GraphError(f"[saved_model.save] results must be tensors in lists, tuples and dicts, got {value!r}")
    return {"output": value}
