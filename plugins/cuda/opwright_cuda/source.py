"""CUDA C for an elementwise cluster: each thread evaluates the members' scalar expressions for some elements.

    extern "C" __global__ void ow_multiply_exp(const float *in0, const float *in1, float *out0, const Space s) {
      for (int i = ...; i < s.v[0]; i += ...) {
        const float x0 = in0[i];
        const float x1 = in1[0];
        const float t0 = x0 * x1;
        const float t1 = exp(t0);
        out0[i] = t1;
      }
    }

Sizes and strides come in `s`, so that one kernel serves every shape with the same pattern of broadcasting.
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from typing import Any

from opwright.dtypes import DType
from opwright.errors import ResourceExhaustedError
from opwright.layouts import Layout
from opwright.plan.ir import Node, Value
from opwright.scalars import CONSTANTS

MOST_TENSORS = 256  # launch.h's OWC_MAX_TENSORS
PARAMETER_BYTES = 4000  # a kernel takes 4 KiB of parameters
_SMALL = 1 << 30  # index spaces up to here are counted in int

# How a dtype is stored, and the type its arithmetic is done in.
_STORED = {
    "float32": "float", "float64": "double", "float16": "opwright::half", "bfloat16": "opwright::bfloat16",
    "int8": "signed char", "int16": "short", "int32": "int", "int64": "long long", "uint8": "unsigned char",
    "bool": "bool",
}  # fmt: skip
_BY_SIZE = {1: "unsigned char", 2: "unsigned short", 4: "unsigned int", 8: "unsigned long long"}
_WORD = re.compile(r"(?P<number>(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][+-]?\d+)?[fF]?)|(?P<name>[A-Za-z_]\w*)|\d+\w*")


@dataclass
class Generated:
    """A kernel's name and text, the index space it is launched over, and the inputs it reads at the same index."""

    name: str
    text: str
    size: int
    space: bytes
    dense: list[Value]


def of_cluster(cluster: Any) -> Generated:
    """The kernel of a cluster. Its parameters are the cluster's inputs, its outputs, the space."""
    writer = _Writer(cluster.inputs, cluster.shape)
    body = writer.loads([_stored(v.dtype) for v in cluster.inputs])
    names = dict(zip(cluster.inputs, writer.loaded, strict=True))
    for k, member in enumerate(cluster.members):
        (output,) = member.outputs
        expression = scalar_of(member, cluster.kernels[member].scalar, [names[v] for v in member.inputs])
        body.append(f"const {computed(output.dtype)} t{k} = {_rounded(output.dtype, expression)};")
        names[output] = f"t{k}"
    body += [f"out{j}[i] = {names[v]};" for j, v in enumerate(cluster.outputs)]
    ops = "_".join(m.definition.name.replace("::", "_") for m in cluster.members)
    return writer.kernel(
        f"ow_{ops}"[:80],
        [f"const {_stored(v.dtype)} *in{i}" for i, v in enumerate(cluster.inputs)]
        + [f"{_stored(v.dtype)} *out{j}" for j, v in enumerate(cluster.outputs)],
        body,
    )


def of_copy(source: Value) -> Generated:
    """The kernel that makes a dense copy of a value."""
    writer = _Writer([source], source.shape)
    kind = _BY_SIZE[source.dtype.size]
    body = [*writer.loads([kind]), "out0[i] = x0;"]
    return writer.kernel(f"ow_copy_{source.dtype.size}", [f"const {kind} *in0", f"{kind} *out0"], body)


def scalar_of(member: Node, scalar: str, names: list[str]) -> str:
    """A member's expression over its operands' names: with its attributes, and with numbers in the type it is computed
    in, as double takes a GPU many times as long."""
    assert member.definition is not None
    dtypes = [v.dtype for v in member.inputs if v.dtype.is_floating]
    kind = computed(max(dtypes, key=lambda d: d.size)) if dtypes else computed(member.outputs[0].dtype)
    attributes = [member.attributes[a.name] for a in member.definition.schema.attributes]

    def word(match: re.Match[str]) -> str:
        text = match.group()
        if match["number"]:
            return f"{kind}({text.rstrip('fF')})"
        if text in CONSTANTS:
            return _literal(CONSTANTS[text], kind)
        operand = re.fullmatch(r"([xa])(\d+)", text)
        if operand is None:
            return text
        at = int(operand[2])
        return names[at] if operand[1] == "x" else _literal(attributes[at], kind)

    return _WORD.sub(word, scalar)


def computed(dtype: DType) -> str:
    """The type a dtype's arithmetic is done in."""
    return "float" if dtype.name in ("float16", "bfloat16") else _STORED[dtype.kernel_name]


def _stored(dtype: DType) -> str:
    return _STORED[dtype.kernel_name]


def _rounded(dtype: DType, expression: str) -> str:
    """The value as the dtype would store it, so that a cluster computes what its members would alone."""
    made = f"({computed(dtype)})({expression})"
    return made if computed(dtype) == _stored(dtype) else f"(float){_stored(dtype)}({made})"


def _literal(value: Any, kind: str) -> str:
    if isinstance(value, (bool, int)):
        return f"({int(value)}{'LL' if abs(int(value)) >= 1 << 31 else ''})"
    number = float(value)
    if math.isfinite(number):
        return f"{kind}({number!r})"
    bits = 0x7FC00000 if math.isnan(number) else 0x7F800000 if number > 0 else 0xFF800000
    return f"{kind}(opwright::bit_cast<float>({bits:#x}u))"


class _Writer:
    """The frame of a kernel: the loop, where each operand's elements lie, and the numbers these follow from."""

    def __init__(self, inputs: list[Value], shape: tuple[int, ...]) -> None:
        self.size = math.prod(shape)
        self._dims, self._strides = collapsed(shape, [v.layout.broadcast(shape).strides for v in inputs])
        if self.size <= 1:  # the pattern is that of larger sizes: what is broadcast is read at 0
            self._strides = [(1 if v.shape == shape else 0,) * len(self._dims) for v in inputs]
        dense = Layout.dense(self._dims).strides
        self._dense = [s == dense for s in self._strides]
        self.dense = [v for v, is_dense in zip(inputs, self._dense, strict=True) if is_dense]
        reach = [sum((d - 1) * abs(s) for d, s in zip(self._dims, row, strict=True)) for row in self._strides]
        self._index = "int" if self.size <= _SMALL and max(reach, default=0) <= _SMALL else "long long"
        self._numbers = [self.size]  # the space
        self.loaded = [f"x{i}" for i in range(len(inputs))]

    def loads(self, kinds: list[str]) -> list[str]:
        """The statements that load the operands."""
        lines: list[str] = []
        strided = [i for i, is_dense in enumerate(self._dense) if not is_dense and any(self._strides[i])]
        if strided:
            lines += self._coordinates()
        for i, kind in enumerate(kinds):
            at = "i" if self._dense[i] else self._offset(self._strides[i]) if i in strided else "0"
            value = "float" if kind.startswith("opwright") else kind
            lines.append(f"const {value} x{i} = in{i}[{at}];")
        return lines

    def _coordinates(self) -> list[str]:
        """c0, c1, ...: the element's place in each dimension."""
        last = len(self._dims) - 1
        lines = [f"{self._index} rest = i;"]
        for d in range(last, 0, -1):
            size = self._number(self._dims[d])
            lines.append(f"const {self._index} c{d} = rest % {size}; rest /= {size};")
        return [*lines, f"const {self._index} c0 = rest;"]

    def _offset(self, strides: tuple[int, ...]) -> str:
        return " + ".join(f"c{d} * {self._number(s)}" for d, s in enumerate(strides) if s)

    def _number(self, value: int) -> str:
        self._numbers.append(value)
        return f"s.v[{len(self._numbers) - 1}]"

    def kernel(self, name: str, parameters: list[str], body: list[str]) -> Generated:
        code = "q" if self._index == "long long" else "i"
        space = struct.pack(f"{len(self._numbers)}{code}", *self._numbers)
        if len(parameters) > MOST_TENSORS or 8 * len(parameters) + len(space) > PARAMETER_BYTES:
            raise ResourceExhaustedError(
                f"[cuda] a kernel takes {PARAMETER_BYTES} bytes of parameters, got more: {name}"
            )
        start = f"blockIdx.x * {self._index}(blockDim.x) + threadIdx.x"
        lines = [
            '#include "opwright/half.hpp"',
            f"struct Space {{ {self._index} v[{len(self._numbers)}]; }};",
            f'extern "C" __global__ void {name}({", ".join([*parameters, "const Space s"])}) {{',
            f"  for ({self._index} i = {start}; i < s.v[0]; i += {self._index}(blockDim.x) * gridDim.x) {{",
            *(f"    {line}" for line in body),
            "  }",
            "}",
        ]
        return Generated(name, "\n".join(lines) + "\n", self.size, space, self.dense)


def collapsed(shape: tuple[int, ...], strides: list[tuple[int, ...]]) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """The index space with as few dimensions as all operands allow; at least one."""
    kept = [d for d, size in enumerate(shape) if size != 1]
    dims: list[int] = []
    rows: list[list[int]] = [[] for _ in strides]
    for d in kept:
        joinable = bool(dims) and all(row[-1] == s[d] * shape[d] for row, s in zip(rows, strides, strict=True))
        if joinable:
            dims[-1] *= shape[d]
        else:
            dims.append(shape[d])
        for row, s in zip(rows, strides, strict=True):
            if joinable:
                row[-1] = s[d]
            else:
                row.append(s[d])
    if not dims:
        return (1,), [(1,) for _ in strides]
    return tuple(dims), [tuple(row) for row in rows]
