"""The checks over an op or a package: which subjects each gets, and what comes out."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from opwright.errors import OpwrightError
from opwright.opdef import OpDef
from opwright.registry import registry
from opwright.schema import REQUIRED

from opwright_check import (  # noqa: F401  (each module enters its checks; the order is that of the table)
    abi,
    binary,
    cost,
    failures,
    fusion,
    gradients,
    large,
    memory,
    numerics,
    persistence,
    registration,
    shapes,
    threads,
    transforms,
    variants,
)  # isort: skip
from opwright_check.drawing import Draw, Drawer
from opwright_check.outcome import CHECKS, STATES, Check, Outcome, Stop, fail, skip
from opwright_check.registration import nothing_drawn
from opwright_check.subject import Subject

SMALL = 5_000  # elements of subjects in a reduced draw


@dataclass(frozen=True)
class Result:
    """What a check says of an op, or of a package."""

    subject: str
    check: str
    state: str
    text: str
    calls: int
    data: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def drawn(op: OpDef, full: bool = True) -> Draw:
    """The subjects for an op; the reduced draw has fewer and smaller ones."""
    found = Drawer(op, full).draw()
    if not full:
        found.subjects = [s for s in found.subjects if s.size <= SMALL] or found.subjects
    return found


def check_op(
    op: OpDef, only: Iterable[str] = (), full: bool = True, started: Callable[[str], None] = print
) -> Iterator[Result]:
    """Runs the checks of an op one after the other. `started` is told the name of each before it begins."""
    chosen = [c for c in selected(only) if c.scope != "package"]
    reason = beyond(op)
    if reason:
        yield from (Result(op.name, c.name, "skip", reason, 0) for c in chosen)
        return
    started("drawing")
    draw = drawn(op, full)
    if draw.crashes:
        yield Result(op.name, "drawing", "fail", draw.crashes[0], len(draw.crashes))
    for check in chosen:
        started(check.name)
        yield _run(check, op, draw)


def beyond(op: OpDef) -> str:
    """Why no check can be made of an op by itself; empty if they can."""
    if op.role == "control":
        return "it runs graphs: their ops have checks, its own are its tests"
    if op.role != "kernel":
        return f"the runtime runs nothing for it: it is a {op.role}"
    free = op.stateful and not op.random and not any(a.is_ref for a in op.schema.tensors)
    if free and not op.example_function:
        return "it has effects (files, perhaps), so it is not tried out; give it @op.examples"
    objects = [a.name for a in op.schema.attributes if a.kind == "object" and a.default is REQUIRED]
    return f"its {objects[0]} is a Python object, which cannot be drawn" if objects and not op.example_function else ""


def _run(check: Check, op: OpDef, draw: Draw) -> Result:
    if check.scope == "op":
        outcomes = [_outcome(check, op, draw)]
    elif not draw.subjects:
        outcomes = [skip(nothing_drawn(draw))]
    else:
        subjects = draw.subjects if check.scope == "case" else middle(draw.subjects)
        outcomes = [_outcome(check, s) for s in subjects]
    worst = max(outcomes, key=lambda o: STATES.index(o.state)) if any(o.state == "fail" for o in outcomes) else min(
        outcomes, key=lambda o: STATES.index(o.state)
    )  # fmt: skip
    calls = sum(o.state != "skip" for o in outcomes)
    return Result(op.name, check.name, worst.state, worst.text, calls, worst.data)


def _outcome(check: Check, *arguments: Any) -> Outcome:
    try:
        return check.function(*arguments)
    except Stop as stop:
        return stop.outcome
    except OpwrightError as e:
        return fail(f"{arguments[0]}: {e}")
    except Exception as e:  # an author's function may raise anything; it is a finding, not our end
        where = traceback.extract_tb(e.__traceback__)[-1]
        return fail(f"{arguments[0]} raises {type(e).__name__}: {e} ({where.filename}:{where.lineno})")


def middle(subjects: list[Subject]) -> list[Subject]:
    """Of each combination of dtypes the subject of middle size."""
    by_dtypes: dict[Any, list[Subject]] = {}
    for subject in subjects:
        kinds = (
            tuple(d.name for d in subject.dtypes),
            tuple(d for d in subject.attributes.values() if hasattr(d, "bits")),
        )
        by_dtypes.setdefault(kinds, []).append(subject)
    return [sorted(same, key=lambda s: s.size)[len(same) // 2] for same in by_dtypes.values()]


def check_package(package: str, only: Iterable[str] = ()) -> Iterator[Result]:
    """Runs the checks of a package as a whole."""
    for check in selected(only):
        if check.scope == "package":
            outcome = _outcome(check, package)
            yield Result(package, check.name, outcome.state, outcome.text, outcome.state != "skip")


def selected(only: Iterable[str]) -> list[Check]:
    """The checks of these names, or all. Raises OpwrightError for a name that is none."""
    from opwright.errors import ArgumentError, did_you_mean

    wanted = set(only)
    for name in wanted - set(CHECKS):
        raise ArgumentError(f"there is no check {name!r}{did_you_mean(name, CHECKS)}; there are {', '.join(CHECKS)}")
    return [c for c in CHECKS.values() if (c.name in wanted if wanted else not c.extra)]


def ops_of(package: str) -> list[OpDef]:
    """The ops that a package registers."""
    return [op for op in registry.ops() if op.package == package]
