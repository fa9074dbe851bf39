"""The checks of packages as tests: `opwright_check = my_package` in pytest's settings adds them to every whole run.

Loaded in each run of pytest where Opwright is installed: it imports Opwright only if the setting is there. Paths with
`::`, and single files, run what they name and nothing else. The ops are checked in a process of their own, which goes
as far as the tests ask: a kernel that crashes or hangs fails its test, not the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

DRAWING = "drawing"  # what comes before an op's checks


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("opwright_check", "import packages of ops whose checks are tests", type="args", default=[])


@pytest.hookimpl(tryfirst=True)  # before -k and -m choose
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Adds an item for each op and check of the packages: `acme::gelu[numerics]`."""
    packages = config.getini("opwright_check")
    if packages and all("::" not in a and Path(config.invocation_params.dir, a).is_dir() for a in config.args):
        for package in packages:
            items += _items(session, package)


def _items(session: pytest.Session, package: str) -> Iterator[pytest.Item]:
    from opwright.registry import registry

    from opwright_check.suite import CHECKS, ops_of

    found = next((p for p in registry.packages() if package in (p.module, p.dist)), None)
    if found is None:
        raise pytest.UsageError(f"opwright_check names {package!r}, which is not installed as a package of ops")
    ops = ops_of(found.module)
    if found.error:
        raise pytest.UsageError(f"opwright_check names {package!r}, which could not be loaded: {found.error}")
    usual = [check.name for check in CHECKS.values() if not check.extra]
    whole = [name for name in usual if CHECKS[name].scope == "package"]
    yield from (CheckItem.named(session, found.module, check, None) for check in whole)
    for op in ops:
        process = Process(op.name)
        for check in (DRAWING, *(name for name in usual if name not in whole)):
            yield CheckItem.named(session, op.name, check, process)


class Process:
    """The process that checks one op, started when its first test runs, as far as it has got."""

    def __init__(self, op: str) -> None:
        self._op = op
        self._results: Iterator[Any] | None = None
        self._found: dict[str, Any] = {}
        self._ended: Any = None  # the check with which the process ended before its time

    def result(self, check: str, wanted: list[str]) -> Any:
        """The Result of a check; None if it is the drawing and went well. `wanted`: the checks that tests ask for."""
        from opwright_check.isolated import check_ops

        if self._results is None:
            self._results = check_ops([self._op], [name for name in wanted if name != DRAWING], full=False)
        while check not in self._found and (result := next(self._results, None)) is not None:
            self._found[result.check] = result
            if check == DRAWING:
                break  # it is the first, or there was nothing to say of it
        return self._found.get(check)


class CheckItem(pytest.Item):
    """One check of one op or package."""

    def __init__(self, *, subject: str, check: str, process: Process | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.subject, self.check, self.process = subject, check, process

    @classmethod
    def named(cls, session: pytest.Session, subject: str, check: str, process: Process | None) -> CheckItem:
        name = f"{subject}[{check}]"
        made = cls.from_parent(session, name=name, nodeid=name, subject=subject, check=check, process=process)
        assert isinstance(made, CheckItem)
        return made

    def runtest(self) -> None:
        from opwright_check.suite import check_package

        if self.process is None:
            (result,) = check_package(self.subject, [self.check])
        else:
            mates = [i.check for i in self.session.items if isinstance(i, CheckItem) and i.process is self.process]
            result = self.process.result(self.check, mates)
        if result is None and self.check != DRAWING:
            raise CheckError("it was not reached: the process had ended before")
        if result is not None and result.state == "fail":
            raise CheckError(result.text)
        if result is not None and result.state == "skip":
            pytest.skip(result.text)

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        if not isinstance(excinfo.value, CheckError):
            return super().repr_failure(excinfo)
        return f"{self.subject}, {self.check}: {self._text()}\n\n{excinfo.value}\n\nalone: {self._command()}"

    def _command(self) -> str:
        only = "" if self.check == DRAWING else f" --only {self.check}"
        return f"opwright check {self.subject}{only}"

    def _text(self) -> str:
        from opwright_check.suite import CHECKS

        return CHECKS[self.check].text if self.check in CHECKS else "Arguments are drawn from the signature."

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.path, None, self.name


class CheckError(Exception):
    """A check has failed."""
