"""Every op of every family passes the checks of `opwright check`, on a reduced draw; a full one is the command's."""

import pytest
from opwright.registry import registry
from opwright_check.suite import CHECKS, check_op, check_package

# Not here: what takes a process for each op, and what measures without judging.
ELSEWHERE = {"save-load", "cost"}
OPS = [op for op in registry.ops() if (op.package or "").startswith("opwright_")]


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_an_op_passes_its_checks(op):
    usual = [c.name for c in CHECKS.values() if c.name not in ELSEWHERE and not c.extra]
    results = check_op(op, usual, full=False, started=lambda _: None)
    assert {r.check: r.text for r in results if r.state == "fail"} == {}


@pytest.mark.parametrize("package", sorted({op.package for op in OPS}))
def test_a_package_passes_its_checks(package):
    assert {r.check: r.text for r in check_package(package) if r.state == "fail"} == {}
