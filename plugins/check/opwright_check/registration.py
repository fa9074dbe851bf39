"""Whether the library's table, the signature and the kernels agree."""

from __future__ import annotations

import numpy as np
from opwright.dtypes import ALL
from opwright.eager import EagerTensor
from opwright.errors import UnknownOpError
from opwright.kernels import Kernel, kernels
from opwright.opdef import OpDef
from opwright.registry import registry

from opwright_check.direct import described
from opwright_check.drawing import Draw
from opwright_check.outcome import Outcome, check, fail, ok, require, skip


@check("library", "package")
def library(package: str) -> Outcome:
    """The package's libraries open, and every kernel in them is of a registered op."""
    libraries = kernels.libraries(package, "cpu")
    if not libraries:
        return skip("the package has no kernel library for the CPU")
    for lib in libraries:
        require(lib.error is None, str(lib.error))
        require(lib.dist and lib.version, f"{lib.path} must name its distribution and version, got {lib.dist!r}")
        for kernel in lib.kernels:
            try:
                registry.op(kernel.op)
            except UnknownOpError:
                return fail(f"{lib.path} has a kernel of {kernel.op!r}, which is not registered; rebuild or rename it")
    return ok(f"{sum(len(lib.kernels) for lib in libraries)} kernels")


def misfit(op: OpDef, kernel: Kernel) -> str:
    """What is wrong with a kernel's dtypes, by the op's signature; empty if nothing is."""
    ins, arrow, outs = kernel.signature.partition("->")
    if not arrow:
        return f"{described(kernel)} of {op.name} must have a signature of dtypes with '->', got {kernel.signature!r}"
    for kind, args, dtypes in (("arguments", op.schema.tensors, ins), ("outputs", op.schema.outputs, outs)):
        listed = dtypes.split(",") if dtypes else []
        if len(listed) != len(args):
            return f"{described(kernel)} must name the dtypes of {len(args)} {kind} of {op.schema}, got {len(listed)}"
        for arg, dtype in zip(args, listed, strict=True):
            if dtype not in ("*", "none") and dtype not in op.schema.dtypes_of(arg):
                return f"{described(kernel)} takes {arg.name} as {dtype}, which the signature does not declare"
    return ""


@check("kernels", "op")
def op_kernels(op: OpDef, draw: Draw) -> Outcome:
    """Each kernel of the op has the dtypes of its signature and something to run."""
    found = [k for kind in ("cpu", "cuda") for k in kernels.candidates(op, kind)]
    for kernel in found:
        problem = misfit(op, kernel)
        require(not problem, problem)
    return ok(f"{len(found)} kernels") if found else skip("it has no kernels: it is written in other ops, or a view")


@check("dtypes", "op")
def dtypes(op: OpDef, draw: Draw) -> Outcome:
    """Each declared dtype runs; one that is not declared is refused by name."""
    if not draw.subjects:
        return skip(nothing_drawn(draw))
    for dtype, said in draw.untaken.items():
        return fail(f"no drawn call is taken with {dtype}: {said}")
    subject = draw.subjects[0]
    for arg, group in zip(op.schema.tensors, subject.groups, strict=True):
        allowed = op.schema.dtypes_of(arg)
        foreign = next((d for d in ALL if d.name not in allowed), None)
        if foreign is None or not group or subject.writes:
            continue
        wrong = [EagerTensor(np.zeros(a.shape, foreign.numpy), foreign) for a in group]
        call = f"{op.name} with {arg.name} of {foreign.name}"
        said = subject.refusal(arg, wrong)
        require(said is not None, f"{call}, which the signature does not declare, must be refused; it ran")
        require(f"[{op.name}]" in str(said), f"the error of {call} must begin with [{op.name}], got {said!r}")
    return ok(f"{len(draw.subjects)} calls")


def nothing_drawn(draw: Draw) -> str:
    """Why there is nothing to check an op with."""
    last = f"; the last was refused: {draw.refusals[-1]}" if draw.refusals else ""
    return f"no call drawn from the signature is taken{last}; give it @op.examples"
