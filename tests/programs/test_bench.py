"""tests/bench: its record, its table in the README, its gate."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"


@pytest.fixture
def bench():
    spec = importlib.util.spec_from_file_location("bench_main", BENCH / "__main__.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_run_records_times_and_floors(tmp_path):
    record = tmp_path / "record.json"
    command = [sys.executable, str(BENCH), "--only", "softmax", "--rounds", "2", "--seconds", "0.05", "--frameworks="]
    printed = subprocess.run(
        [*command, "--json", str(record)], capture_output=True, text=True, timeout=300, check=True
    ).stdout
    found = json.loads(record.read_text())["results"]["softmax"]
    assert 0 < found["seconds"]["opwright"] < 1
    assert found["ratio"] is None  # no peers
    seconds, flops, moved = found["floor"]
    assert seconds > 0
    assert 2 * 2 * 100 * 784 * 10 <= flops < 1.1 * 2 * 2 * 100 * 784 * 10  # the product, and that of its gradient
    assert 4 * (100 * 794 + 2 * 7850) <= moved < 5 * (100 * 794 + 2 * 7850)  # the batch; the weights, read and written
    assert "softmax" in printed


FOUND = {
    "lstm": {"seconds": {"opwright": 0.01, "torch": 0.025}, "ratio": 0.4, "floor": [0.006, 1.6e9, 2e6]},
    "scalar": {"seconds": {"opwright": 2e-6}, "ratio": None, "floor": [1e-9, 1.0, 12.0]},
}


def test_the_readme_gets_the_table(bench, tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "HERE", tmp_path)
    readme = tmp_path / "README.md"
    readme.write_text("# Before\n<!-- results -->\nold\n<!-- end of results -->\nafter\n")
    for _ in range(2):  # again changes nothing
        bench.into_readme(FOUND, {"opwright": "", "torch": ""}, "some machine")
        lines = readme.read_text().splitlines()
    assert lines[:3] == ["# Before", "<!-- results -->", "some machine:"]
    assert lines[-2:] == ["<!-- end of results -->", "after"]
    assert "| lstm | 10000.0 us | 25000.0 us | 0.40 | 1.600 | 2.00 | 6000.0 us | 60% |" in lines
    assert "| scalar | 2.0 us | - | - | - | - | - | - |" in lines
    assert "old" not in lines


def test_the_gate_compares_ratios(bench):
    before = {"results": {"lstm": {"ratio": 0.3}, "scalar": {"ratio": None}, "other": {"ratio": 1.0}}}
    assert bench.regressions(FOUND, before, 0.5) == []
    assert bench.regressions(FOUND, before, 0.25) == ["lstm: 0.40, before 0.30"]
