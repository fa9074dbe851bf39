"""Whether kernels keep to their memory: strides, alignment, guards, uninitialised bytes, outputs in place of inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from opwright import ops
from opwright.dtypes import from_storage
from opwright.errors import OpwrightError
from opwright.runtime import NULL
from opwright.shapes import Shape

from opwright_check.direct import STRIDED, Direct, Layout, candidates, described, same_bits
from opwright_check.numerics import difference
from opwright_check.outcome import Outcome, Stop, check, ok, require, skip
from opwright_check.subject import Array, Subject


@check("strides", "case")
def strides(subject: Subject) -> Outcome:
    """Transposed, reversed and repeated inputs give what dense ones give, from the planner and from OW_STRIDED kernels.

    Sums may come out in another order, so not the same bits.
    """
    if subject.op.random:
        return skip("it is random")
    if not any(a.ndim for a, arg in zip(subject.arrays, subject.args, strict=True) if not arg.is_ref):
        return skip("its inputs have no dimensions")
    views: list[tuple[str, Callable[[Array], Array], Callable[[Any], Any]]] = [
        ("transposed", lambda a: a.T, lambda t: ops.transpose(t)),
        ("reversed", lambda a: a[::-1] if a.ndim else a, lambda t: t[::-1] if len(t.shape) else t),
    ]
    for how, lay, view in views:
        fed = [np.ascontiguousarray(lay(a)).reshape(lay(a).shape) if not arg.is_ref else a
               for a, arg in zip(subject.arrays, subject.args, strict=True)]  # fmt: skip
        _same(subject.in_graph([Shape(a.shape) for a in fed], through=view, feed=fed), subject, f"{how} inputs")
    _repeated(subject)
    return _strided_kernels(subject)


def _same(found: list[Array], subject: Subject, how: str, wanted: list[Array] | None = None) -> None:
    for k, (got, want) in enumerate(zip(found, subject.outputs if wanted is None else wanted, strict=False)):
        dtype = subject.output_dtypes[k]
        problem = difference(from_storage(got, dtype), [from_storage(want, dtype)], dtype, subject.size)
        require(not problem, f"{subject}: with {how} output {k} differs from that of dense ones: {problem}")


def _repeated(subject: Subject) -> None:
    """Inputs that repeat their first row, by stride 0."""
    arrays = [a if arg.is_ref or not a.ndim else np.repeat(a[:1], len(a), 0)
              for a, arg in zip(subject.arrays, subject.args, strict=True)]  # fmt: skip
    same = subject.with_arrays(arrays)
    try:
        same.outputs  # noqa: B018  (running is the question)
    except OpwrightError:
        return  # equal rows are none of its arguments
    fed = [a if arg.is_ref or not a.ndim else np.ascontiguousarray(a[:1])
           for a, arg in zip(arrays, subject.args, strict=True)]  # fmt: skip
    shapes = iter([a.shape for a, arg in zip(arrays, subject.args, strict=True) if not arg.is_ref])
    view = lambda t: ops.broadcast_to(t, next(shapes)) if len(t.shape) else (next(shapes), t)[1]  # noqa: E731
    _same(same.in_graph([Shape(a.shape) for a in fed], through=view, feed=fed), same, "repeated inputs")


def _strided_kernels(subject: Subject) -> Outcome:
    try:
        kernels = [k for k in candidates(subject) if k.caps & STRIDED]
    except Stop:
        return ok("from the planner's copies")
    for kernel in kernels:
        dense = Direct(kernel, subject).prepare().start().run().results()
        for how in ("reversed", "spread", "turned"):
            got = Direct(kernel, subject, layout=Layout(strides=how)).prepare().start().run().results()
            _same(got[: len(subject.output_dtypes)], subject, f"{how} strides given to {described(kernel)}", dense)
    return ok(f"{len(kernels)} kernels take strides") if kernels else ok("from the planner's copies")


@check("misaligned", "case")
def misaligned(subject: Subject) -> Outcome:
    """Inputs and outputs that start on one element, not on 64 bytes, give the same bits."""
    for kernel in candidates(subject):
        wanted = Direct(kernel, subject).prepare().start().run().results()
        got = Direct(kernel, subject, layout=Layout(misaligned=True)).prepare().start().run().results()
        for a, b in zip(got, wanted, strict=True):
            require(same_bits(a, b), f"{subject}: {described(kernel)} gives other results from misaligned memory")
    return ok()


@check("guards", "case")
def guards(subject: Subject) -> Outcome:
    """No byte beside inputs, outputs and scratch is written, and inputs stay as they are."""
    for kernel in candidates(subject):
        direct = Direct(kernel, subject).prepare()
        run = direct.start().run()
        who = f"{subject}: {described(kernel)}"
        named = [(f"input {arg.name}", m) for arg, m in zip(subject.args, run.inputs, strict=True)]
        named += [(f"output {k}", m) for k, m in enumerate(run.outputs)]
        named += [("scratch", run.scratch), *(("worker scratch", m) for m in run.worker_scratch)]
        for name, memory in named:
            damage = memory.damage()
            require(not damage, f"{who} writes outside {name}: {damage}")
        for i, (memory, before) in enumerate(zip(run.inputs, run.before, strict=True)):
            untouched = i in run.written or memory.bytes.tobytes() == before.tobytes()
            require(untouched, f"{who} changes its input {subject.args[i].name}, which it does not declare as ref")
    return ok()


@check("poison", "case")
def poison(subject: Subject) -> Outcome:
    """Results do not depend on what outputs, scratch and the bytes around inputs held before."""
    for kernel in candidates(subject):
        results = [
            Direct(kernel, subject, fill=fill, guard=guard).prepare().start().run().results()
            for fill, guard in ((0xFF, 0xA5), (0x7F, 0x5A), (0x00, 0x00))
        ]
        for other in results[1:]:
            for k, (a, b) in enumerate(zip(results[0], other, strict=True)):
                require(
                    same_bits(a, b), f"{subject}: output {k} of {described(kernel)} depends on what memory held "
                    "before: it reads what it has not written, or does not write all of its output"
                )  # fmt: skip
    return ok()


@check("inplace", "case")
def inplace(subject: Subject) -> Outcome:
    """Outputs in the place of inputs, where the kernel allows it, hold the same bits."""
    tried = 0
    for kernel in candidates(subject):
        direct = Direct(kernel, subject).prepare()
        pairs = list(direct.inplace)
        if direct.run_function == NULL:  # a tile's output may be any of its inputs
            pairs += [(i, 0) for i in range(len(direct.inputs))]
        wanted = direct.start().run().results()
        for i, o in pairs:
            source, target = direct.inputs[i], direct.node.outputs[o]
            if source.shape != target.shape or source.dtype.size != target.dtype.size:
                continue
            tried += 1
            got = Direct(kernel, subject, alias=[(i, o)]).prepare().start().run().results()
            same = all(same_bits(a, b) for a, b in zip(got, wanted, strict=True))
            require(
                same, f"{subject}: {described(kernel)} gives other results with output {o} in the place of input {i}"
            )
    return ok(f"{tried} pairs") if tried else skip("no kernel declares a pair that fits")
