"""Opwright: a dataflow framework in which every op is a plugin.

Ops and functions are found by name when they are first used: `ow.matmul`, `ow.nn.softmax`, `ow.acme.my_op`.
"""

from typing import Any

from opwright import ops
from opwright.autodiff import gradients
from opwright.dispatch import convert_to_tensor
from opwright.dtypes import (
    DType,
    as_dtype,
    bfloat16,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    string,
    uint8,
)
from opwright.dtypes import bool_ as bool
from opwright.eagertensor import EagerTensor
from opwright.errors import OpwrightError
from opwright.graph import Graph, Operation, Tensor
from opwright.hookspecs import hookimpl
from opwright.indexed import IndexedSlices
from opwright.layouts import Layout
from opwright.opdef import OpDef, export
from opwright.session import Session
from opwright.shapes import Shape

__version__ = "0.1.0"

TensorShape = Shape
newaxis = None


def __getattr__(name: str) -> Any:
    return getattr(ops, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(ops)})


__all__ = [
    "DType",
    "EagerTensor",
    "Graph",
    "IndexedSlices",
    "Layout",
    "OpDef",
    "Operation",
    "OpwrightError",
    "Session",
    "Shape",
    "Tensor",
    "TensorShape",
    "as_dtype",
    "bfloat16",
    "bool",
    "convert_to_tensor",
    "export",
    "float16",
    "float32",
    "float64",
    "gradients",
    "hookimpl",
    "int8",
    "int16",
    "int32",
    "int64",
    "newaxis",
    "ops",
    "string",
    "uint8",
]
