"""Whether all kernels of an op agree: those of the CPU with each other, and those of a GPU with the CPU's."""

from __future__ import annotations

from opwright.devices import devices
from opwright.dtypes import from_storage
from opwright.graph import Graph
from opwright.kernels import kernels
from opwright.plan import flags
from opwright.plan.spec import Spec
from opwright.plan.step import Step
from opwright.session import Session

from opwright_check.direct import NONDETERMINISTIC, Direct, candidates, described
from opwright_check.numerics import difference
from opwright_check.outcome import Outcome, Stop, check, ok, require, skip
from opwright_check.subject import Array, Subject


@check("variants", "case")
def variants(subject: Subject) -> Outcome:
    """Each kernel that takes the same dtypes, forced in turn, gives the same results as far as rounding allows."""
    found = [k for k in candidates(subject) if not k.caps & NONDETERMINISTIC]
    if len(found) < 2:
        return skip("there is one kernel for these dtypes")
    results: list[tuple[str, list[Array]]] = []
    for kernel in found:
        try:
            results.append((described(kernel), Direct(kernel, subject).prepare().start().run().results()))
        except Stop as stop:
            if stop.outcome.state == "fail":
                raise
    for who, made in results[1:]:
        for k, (got, want) in enumerate(zip(made, results[0][1], strict=True)):
            dtype = (*subject.output_dtypes, *subject.output_dtypes)[k]
            problem = difference(from_storage(got, dtype), [from_storage(want, dtype)], dtype, subject.size)
            require(not problem, f"{subject}: output {k} of {who} differs from that of {results[0][0]}: {problem}")
    return ok(f"{len(results)} kernels")


@check("gpu", "case")
def gpu(subject: Subject) -> Outcome:
    """A GPU gives what the CPU gives, as far as rounding allows."""
    device = devices().get("cuda:0")
    reason = "the cuda plugin is not installed" if device is None else device.why_unavailable()
    if reason:
        return skip(f"no GPU: {reason}")
    if subject.writes or subject.op.random:
        return skip("it writes variables, or is random")
    if not kernels.candidates(subject.op, "cuda") and not subject.op.scalar:
        return skip("it has no kernel for the GPU")
    graph = Graph()
    with graph.device("/gpu:0"):
        op, feeds = subject.build(graph)
    session = Session(graph=graph)
    session.raw = True
    made = Step(Spec(op.outputs, feeds, [op]), session, flags.current()).run(list(subject.arrays))
    for k, (got, want) in enumerate(zip(made, subject.outputs, strict=True)):
        dtype = subject.output_dtypes[k]
        problem = difference(from_storage(got, dtype), [from_storage(want, dtype)], dtype, subject.size)
        require(not problem, f"{subject}: output {k} of the GPU differs from the CPU's: {problem}")
    return ok()
