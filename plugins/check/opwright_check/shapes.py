"""Whether shapes foreseen when a graph is built are those that come out, and wrong input is refused at once."""

from __future__ import annotations

import numpy as np
from opwright.eager import EagerTensor
from opwright.errors import OpwrightError
from opwright.graph import Graph
from opwright.schema import TensorArg
from opwright.shapes import Shape

from opwright_check.direct import DYNAMIC, Direct, candidates, described, same_bits
from opwright_check.outcome import Outcome, check, ok, require, skip
from opwright_check.subject import Subject


@check("shape-function", "case")
def shape_function(subject: Subject) -> Outcome:
    """Shapes and dtypes foreseen for known inputs are those of the results."""
    op, _ = subject.build(Graph())
    foreseen = [t for t in op.outputs if not t.is_ref]
    made = subject.run()
    for tensor, (array, dtype) in zip(foreseen, made, strict=False):
        got = f"{subject}: {tensor.name} is foreseen as {tensor.dtype.name} of shape {tensor.shape}, it comes out as"
        require(tensor.shape.is_compatible_with(array.shape), f"{got} shape {array.shape}")
        require(tensor.dtype is dtype and array.dtype == dtype.numpy, f"{got} {array.dtype}")
    return ok()


@check("kernel-shape", "case")
def kernel_shape(subject: Subject) -> Outcome:
    """The kernel leaves its outputs' shapes as planned, or lowers them if it says OW_DYNAMIC."""
    for kernel in candidates(subject):
        direct = Direct(kernel, subject).prepare()
        run = direct.start().run()
        for value, tensor in zip(direct.node.outputs, run.made, strict=True):
            left = tuple(tensor.shape[i] for i in range(tensor.ndim))
            planned = tuple(value.shape)
            may = kernel.caps & DYNAMIC and all(a <= b for a, b in zip(left, planned, strict=True))
            require(
                left == planned or may, f"{subject}: {described(kernel)} leaves the shape {left}, {planned} was planned"
            )
    return ok()


@check("unknown-dims", "case")
def unknown_dims(subject: Subject) -> Outcome:
    """Built with unknown dimensions or unknown rank, the op foresees nothing false and gives the same results."""
    arrays = subject.arrays
    patterns = [[Shape([None] * a.ndim) for a in arrays], [Shape(None) for _ in arrays]]
    for k, array in enumerate(arrays):  # one dimension at a time
        for d in range(array.ndim):
            hidden = [None if i == d else n for i, n in enumerate(array.shape)]
            patterns.append([Shape(hidden) if i == k else Shape(a.shape) for i, a in enumerate(arrays)])
    for pattern in patterns:
        built = f"{subject}: built for inputs {', '.join(map(str, pattern))}"
        try:
            op, _ = subject.build(Graph(), shapes=pattern)
        except OpwrightError as e:
            require(f"[{subject.op.name}]" in str(e), f"{built}, the error must name [{subject.op.name}], got {e}")
            continue  # it wants to know
        for tensor, array in zip([t for t in op.outputs if not t.is_ref], subject.outputs, strict=False):
            fits = tensor.shape.is_compatible_with(array.shape)
            require(fits, f"{built}, the shape {tensor.shape} is foreseen, {array.shape} comes out")
        if subject.op.random or pattern not in patterns[:2]:
            continue
        for got, want in zip(subject.in_graph(shapes=pattern), subject.outputs, strict=False):
            require(same_bits(got, want), f"{built}, the results differ from those for known shapes")
    return ok()


@check("refusals", "dtype")
def refusals(subject: Subject) -> Outcome:
    """A wrong rank and sizes that do not agree are refused before the kernel, naming op and argument."""
    if subject.writes:
        return skip("it writes variables")
    tried = 0
    for i, (arg, group) in enumerate(zip(subject.op.schema.tensors, subject.groups, strict=True)):
        if not group:
            continue
        for what, array in wrong_shapes(subject, i, arg, group[0]):
            dtype = subject.dtypes[i]
            said = subject.refusal(arg, [EagerTensor(array.astype(dtype.numpy), dtype), *_rest(arg, dtype, group)])
            call = f"{subject.op.name} with {arg.name} of shape {array.shape} ({what})"
            tried += 1
            require(said is not None, f"{call} must be refused; it ran")
            requirement = f"[{subject.op.name}]" in str(said) and "got" in str(said) and arg.name in str(said)
            require(
                requirement,
                f"the error of {call} must name [{subject.op.name}], {arg.name} and what it got, got {said!r}",
            )
    return ok(f"{tried} wrong calls") if tried else skip("the signature ties no dimensions")


def _rest(arg: TensorArg, dtype: object, group: list[np.ndarray]) -> list[EagerTensor]:
    return [EagerTensor(a, dtype) for a in group[1:]] if arg.is_list else []  # type: ignore[arg-type]


def wrong_shapes(subject: Subject, i: int, arg: TensorArg, array: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Arrays that the dimensions of the signature forbid for argument i, and why."""
    if arg.dims is None:
        return []
    found = []
    spread = any(d == "..." or d.startswith("*") for d in arg.dims)
    fixed = len(arg.dims) - spread
    if not spread:
        found.append(("one dimension too many", np.zeros((*array.shape, 2))))
    if fixed and array.ndim >= fixed:
        found.append(("too few dimensions", np.zeros(array.shape[array.ndim - fixed + 1 :])))
    before = {
        d for a, g in zip(subject.op.schema.tensors[:i], subject.groups[:i], strict=True) if g for d in a.dims or ()
    }
    tied = [
        k for k, d in enumerate(arg.dims)
        if d not in ("_", "...") and not d.startswith("*") and (d in before or d.isdigit() or d in subject.attributes)
    ]  # fmt: skip
    for k in tied if not spread else ():
        shape = list(array.shape)
        shape[k] += 1
        found.append((f"{arg.dims[k]} does not agree", np.zeros(shape)))
    star = next((d for d in arg.dims if d.startswith("*")), None)
    if star in before and array.ndim and fixed == 0:
        found.append((f"{star} does not agree", np.zeros([n + 1 for n in array.shape])))
    return found
