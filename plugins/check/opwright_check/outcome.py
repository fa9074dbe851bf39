"""What a check says: that all is well, what is wrong with which input, or why it does not apply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

STATES = ("ok", "skip", "fail")  # from good to bad


@dataclass(frozen=True)
class Outcome:
    """What one check says of one subject. `text` is the reason, or for "ok" what was measured; `data` what of that is
    worth keeping."""

    state: str
    text: str = ""
    data: dict[str, Any] | None = None


def ok(text: str = "", data: dict[str, Any] | None = None) -> Outcome:
    return Outcome("ok", text, data)


def fail(reason: str) -> Outcome:
    return Outcome("fail", reason)


def skip(reason: str) -> Outcome:
    return Outcome("skip", reason)


class Stop(Exception):
    """Ends a check from inside with an outcome."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.text)
        self.outcome = outcome


@dataclass(frozen=True)
class Check:
    """A check. `scope` says what it is called with:

    "package"  the name of an import package
    "op"       an OpDef and its Subjects
    "dtype"    the Subject of middle size of each combination of dtypes
    "case"     every Subject

    An `extra` check is only made where it is asked for by name.
    """

    name: str
    scope: str
    function: Callable[..., Outcome]
    extra: bool = False

    @property
    def text(self) -> str:
        return (self.function.__doc__ or "").strip().partition("\n")[0]


CHECKS: dict[str, Check] = {}


def check(name: str, scope: str, extra: bool = False) -> Callable[[Callable[..., Outcome]], Callable[..., Outcome]]:
    """Enters a function among the CHECKS, in the order in which they are defined."""

    def decorate(function: Callable[..., Outcome]) -> Callable[..., Outcome]:
        CHECKS[name] = Check(name, scope, function, extra)
        return function

    return decorate


def require(condition: Any, reason: str) -> None:
    """Ends the check with a failure unless the condition holds."""
    if not condition:
        raise Stop(fail(reason))
