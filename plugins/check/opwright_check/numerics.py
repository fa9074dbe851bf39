"""Whether results are right: against the op's reference in float64, or, without one, its own float64 kernel."""

from __future__ import annotations

import numpy as np
from opwright import eager
from opwright.dtypes import DType, from_storage
from opwright.errors import LibraryError, OpwrightError
from opwright.layouts import Layout
from opwright.plan import flags
from opwright.plan.ir import Storage, Value
from opwright.plan.reference import trace_reference
from opwright.plan.step import Step
from opwright.testing import TOLERANCE

from opwright_check.drawing import stored, widened
from opwright_check.outcome import Outcome, Stop, check, ok, require, skip
from opwright_check.subject import Array, Subject, as_dtype


@check("numerics", "case")
def numerics(subject: Subject) -> Outcome:
    """Results agree with the op's ref in float64, else with its own float64 kernel, as far as rounding allows."""
    return compared(subject)


@check("extremes", "dtype")
def extremes(subject: Subject) -> Outcome:
    """So they do for denormals, zeros of both signs, infinities, nan, and the ends of the integers."""
    arrays = subject.arrays
    if subject.writes:
        return skip("it writes variables")
    if not any(d.is_floating or d.name.startswith(("int", "uint")) for d in subject.array_dtypes):
        return skip("it takes no numbers")
    changed = []
    for array, dtype, arg in zip(arrays, subject.array_dtypes, subject.args, strict=True):
        numbers = len(set(subject.op.schema.dtypes_of(arg)) - {"int32", "int64"}) > 0
        ends = extreme_values(dtype) if numbers else None
        if ends is None or array.size == 0:
            changed.append(array)
            continue
        mixed = from_storage(array, dtype).copy().reshape(-1)
        at = np.linspace(0, mixed.size - 1, min(len(ends), mixed.size)).astype(int)
        mixed[at] = ends[: len(at)]
        changed.append(stored(mixed.reshape(array.shape), dtype))
    try:
        return compared(subject.with_arrays(changed))
    except OpwrightError as e:
        return skip(f"it refuses extreme values: {e}")


def extreme_values(dtype: DType) -> Array | None:
    if dtype.is_floating:
        tiny = {"float64": 5e-324, "float32": 1e-45, "float16": 6e-8, "bfloat16": 1e-40}[dtype.name]
        return np.array([0.0, -0.0, np.inf, -np.inf, np.nan, tiny, -tiny])
    return np.array([0, dtype.min, dtype.max, -1 if dtype.min else 1]) if dtype.is_integer else None


def compared(subject: Subject) -> Outcome:
    """The outcome of comparing a subject's results with what they should be."""
    if subject.op.random:
        return skip("it is random")
    if not subject.outputs:
        return skip("it has no output")
    if subject.op.view_function is not None and subject.output_dtypes[0] not in subject.dtypes:
        return skip("it reads memory as another dtype")
    wanted, source = expected(subject)
    floats = [d for d in (*subject.dtypes, *subject.output_dtypes) if d.is_floating]
    coarsest = max((TOLERANCE[d.name] for d in floats), default=0.0)
    for k, got in enumerate(subject.values[: len(wanted[0])]):
        wants = [w[k] for w in wanted if w[k].shape == wanted[0][k].shape]
        if source != "ref" and wants[0].shape != got.shape:
            return skip("its results depend on how numbers are stored")
        problem = difference(got, wants, subject.output_dtypes[k], subject.size, coarsest)
        require(not problem, f"{subject}: output {k} differs from {source}: {problem}")
    return ok(f"against {source}")


def expected(subject: Subject) -> tuple[list[list[Array]], str]:
    """What the outputs may be, once with denormals and once with zeros for them, and what says so.

    Skips the check where nothing does."""
    by_ref = subject.op.reference is not None
    alternatives = [w for s in (subject, flushed(subject)) if (w := widened(s, declared=not by_ref)) is not None]
    if by_ref and alternatives:
        return [reference(w) for w in alternatives], "ref"
    if not alternatives or alternatives[0].dtypes == subject.dtypes:
        raise Stop(skip("there is neither a ref nor a wider kernel to compare with"))
    try:
        return [w.values for w in alternatives], "the float64 kernel"
    except LibraryError:  # results that are float32 of float64 inputs, perhaps: nobody has a kernel for that
        return [widened_results(w).values for w in alternatives], "the float64 kernel"


def widened_results(subject: Subject) -> Subject:
    """The subject with float64 for each floating dtype among its attributes."""
    attributes = {
        name: as_dtype("float64") if isinstance(value, DType) and value.is_floating else value
        for name, value in subject.attributes.items()
    }
    return Subject(subject.op, subject.dtypes, subject.groups, attributes, subject.domain)


def flushed(subject: Subject) -> Subject:
    """The subject with zeros for denormals: runs may flush them."""
    arrays = []
    for array, dtype in zip(subject.arrays, subject.array_dtypes, strict=True):
        values = from_storage(array, dtype)
        if dtype.is_floating:
            tiny = np.finfo(np.float32 if dtype.name == "bfloat16" else dtype.numpy).tiny
            values = np.where(np.abs(values) < tiny, np.copysign(0, values), values)
        arrays.append(stored(values, dtype) if dtype.is_floating else array)
    return subject.with_arrays(arrays)


def reference(subject: Subject) -> list[Array]:
    """The outputs by the op's reference, without planning passes."""
    groups = [
        [Value(dtype, Layout.dense(a.shape), Storage("feed", a.nbytes)) for a in group]
        for dtype, group in zip(subject.dtypes, subject.groups, strict=True)
    ]
    spec, _ = trace_reference(subject.op, groups, subject.attributes)
    step = Step(spec, eager.world, flags.parse("reference"))
    made = step.run(list(subject.arrays))
    return [from_storage(np.asarray(a), t.dtype) for a, t in zip(made, spec.fetches, strict=True)]


def difference(got: Array, wants: list[Array], dtype: DType, terms: int, coarsest: float = 0.0) -> str:
    """How a result differs by more than rounding explains from what it should be, element by element one of several
    arrays; empty if it does not.

    The tolerance is that of the dtype (opwright.testing), or that of the coarsest one computed with, times the square
    root of the number of terms that may have been summed, relative to the largest finite result: errors of a sum are
    relative to its terms.
    """
    want = wants[0]
    if got.shape != want.shape:
        return f"shape {got.shape}, {want.shape} expected"
    same = np.zeros(got.shape, bool)
    for one in wants:
        same |= (
            _same(got, one, dtype, terms, max(coarsest, TOLERANCE[dtype.name]))
            if dtype.is_floating
            else np.asarray(got == one)
        )
    return _at(got, want, np.flatnonzero(~np.ravel(same)))


def _same(got: Array, want: Array, dtype: DType, terms: int, tolerance: float) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = from_storage(stored(want, dtype), dtype).astype(np.float64)
        value = got.astype(np.float64)
        finite = np.isfinite(rounded)
        scale = max(1.0, float(np.max(np.abs(rounded), where=finite, initial=0.0)))
        limit = tolerance * max(1.0, np.sqrt(terms) / 16) * scale
        near = np.abs(value - rounded) <= limit
        ends = float(dtype.max)  # beyond them a result may be saturated, or infinite
        beyond = (np.abs(rounded) >= ends) & (np.abs(value) >= ends) & (np.signbit(value) == np.signbit(rounded))
        return np.where(finite, near, (value == rounded) | (np.isnan(value) & np.isnan(rounded))) | beyond


def _at(got: Array, want: Array, wrong: Array) -> str:
    if not len(wrong):
        return ""
    first = np.unravel_index(wrong[0], got.shape)
    index = f"[{', '.join(map(str, first))}]" if got.shape else ""
    return f"{len(wrong)} of {got.size} elements, the first at {index}: {got[first]}, {want[first]} expected"
