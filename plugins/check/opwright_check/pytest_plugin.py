"""The checks of packages as tests: `opwright_check = my_package` in pytest's settings adds them to every whole run.

Loaded in each run of pytest where Opwright is installed: it imports Opwright only if the setting is there. Paths with
`::`, and single files, run what they name and nothing else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("opwright_check", "import packages of ops whose checks are tests", type="args", default=[])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Adds an item for each op and check of the packages."""
    packages = config.getini("opwright_check")
    if not packages or not all("::" not in a and Path(a).is_dir() for a in config.args):
        return
    from opwright.errors import UnknownOpError
    from opwright.registry import registry

    from opwright_check.suite import CHECKS, ops_of

    for package in packages:
        if not any(p.module == package for p in registry.packages()):
            raise pytest.UsageError(f"opwright_check names {package!r}, which is not installed as a package of ops")
        try:
            ops = ops_of(package)
        except UnknownOpError as e:
            raise pytest.UsageError(str(e)) from None
        for check in CHECKS.values():
            subjects: list[Any] = [package] if check.scope == "package" else ops
            for subject in subjects:
                name = f"{getattr(subject, 'name', subject)}-{check.name}"
                items.append(CheckItem.from_parent(session, name=name, check=check, subject=subject))


class CheckItem(pytest.Item):
    """One check of one op or package."""

    def __init__(self, *, check: Any, subject: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.check, self.subject = check, subject

    def runtest(self) -> None:
        from opwright_check.suite import check_op, check_package

        if self.check.scope == "package":
            results = list(check_package(self.subject, [self.check.name]))
        else:
            results = list(check_op(self.subject, [self.check.name], full=False, started=lambda _: None))
        for result in results:
            if result.state == "fail":
                raise CheckError(result.text)
        if all(r.state == "skip" for r in results):
            pytest.skip(results[0].text)

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        return str(excinfo.value) if isinstance(excinfo.value, CheckError) else super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.path, None, f"{self.name}: {self.check.text}"


class CheckError(Exception):
    """A check has failed."""
