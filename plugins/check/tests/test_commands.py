"""The commands, as a user calls them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import opwright_softmax
import pytest


def opwright(*arguments, folder=None, expect=0):
    env = dict(os.environ)
    if folder is not None:
        env["PYTHONPATH"] = os.pathsep.join([str(folder), *filter(None, [env.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-m", "opwright", *map(str, arguments)], capture_output=True, text=True, env=env, timeout=300
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout


def test_check_prints_a_table_and_succeeds_for_a_right_op():
    out = opwright("check", "softmax", "--quick", "--only", "numerics", "--only", "guards")
    assert "numerics" in out
    assert "2/2 checks passed" in out


def test_check_fails_with_the_reason_for_a_wrong_op(wrong_folder):
    found = json.loads(
        opwright("check", "wrong::overruns", "--quick", "--only", "guards", "--json", folder=wrong_folder, expect=1)
    )
    (result,) = found["results"]
    assert (result["subject"], result["check"], result["state"]) == ("wrong::overruns", "guards", "fail")
    assert "writes outside output 0" in result["text"]
    assert found["summary"] == "0/1 checks passed, 1 failed"


def test_a_kernel_that_ends_or_hangs_the_process_is_a_finding_and_the_rest_goes_on(wrong_folder, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(wrong_folder))
    from opwright_check.isolated import check_ops

    found = {r.subject: r for r in check_ops(["wrong::aborts", "wrong::sleeps", "wrong::right"], ["guards"], False, 15)}
    assert "it ended the process (SIGABRT) during drawing" in found["wrong::aborts"].text
    assert found["wrong::sleeps"].text == "it did not come back from drawing within 15 seconds"
    assert found["wrong::right"].state == "ok"


def test_a_check_that_does_not_exist_is_named():
    done = subprocess.run(
        [sys.executable, "-m", "opwright", "check", "softmax", "--only", "numeric"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "there is no check 'numeric'; did you mean 'numerics'?" in done.stderr


def test_conformance_goes_into_the_package_and_into_list(wrong_folder):
    arguments = ("--quick", "--only", "library", "--seconds", "3", "--write")  # one of its ops never comes back
    opwright("check", "wrong_ops", *arguments, folder=wrong_folder, expect=1)
    written = json.loads((wrong_folder / "wrong_ops" / "conformance.json").read_text())
    assert written["dist"] == "wrong-ops"
    assert written["results"][0] == {"subject": "wrong_ops", "check": "library", "state": "fail"}
    listed = json.loads(opwright("list", "--json", folder=wrong_folder))
    (ours,) = [p for p in listed["packages"] if p["module"] == "wrong_ops"]
    # library, and drawing: two of the ops end or hold up the process as soon as they run
    assert ours["conformance"] == "0/2 checks passed, 2 failed"


def test_explain_says_why_each_other_kernel_lost():
    found = json.loads(opwright("explain", "softmax", "--dtype", "float64", "--shape", "3,5", "--json"))
    verdicts = {k["kernel"]: k["verdict"] for k in found["kernels"]}
    assert verdicts["float64->float64 run"] == "chosen"
    assert verdicts["float32->float32 run"] == "lost: the call has float64->float64"
    assert "float64[3, 5]" in found["call"]
    assert "does not fuse" in found["notes"][0]


def test_explain_names_the_neighbours_that_an_op_fuses_with():
    found = json.loads(opwright("explain", "relu", "--json"))
    assert found["notes"][0].startswith("fuses: negative+relu+negative")
    found = json.loads(opwright("explain", "matmul", "--json"))
    assert "OW_POST" in found["notes"][0]


def test_bench_measures_several_sizes():
    found = json.loads(opwright("bench", "relu", "--seconds", "0.005", "--json"))
    assert len(found) > 3
    assert all(row["ns"] > 0 and row["gbs"] > 0 for row in found)


def library():
    return next(file for folder in opwright_softmax.__path__ for file in Path(folder).glob("*.so"))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads ELF")
def test_audit_reads_a_library(wrong_folder):
    pytest.importorskip("elftools")
    found = json.loads(opwright("audit", library(), "--json"))
    assert found["exports"] == ["ow_library_v1"]
    assert found["problems"] == []
    assert "libc.so.6" in found["needed"]
    out = opwright("audit", wrong_folder / "wrong_ops" / "libwrong_cpu.so", expect=1)
    assert "it must export ow_library_v1 alone" in out.replace("\n", " ")
    out = opwright("audit", library(), "--glibc", "2.2", expect=1)
    assert "its wheel promises 2.2" in out.replace("\n", " ")


def test_audit_refuses_what_a_wheel_may_not_need():
    from opwright_check.elf import Audit, _problems

    found = Audit("x", exports=["ow_library_v1"], needed=["libgomp.so.1", "libfoo.so.3"], undefined=["PyList_New"])
    text = " ".join(_problems(found, None, pack=False))
    assert "must not need libgomp.so.1" in text
    assert "it needs libfoo.so.3, which not every system has" in text
    assert "Python's C API, got PyList_New" in text
    assert _problems(Audit("x", ["ow_library_v1"], ["libdnnl.so.3", "libm.so.6"]), None, pack=True) == []


def test_stubs_are_python_and_name_the_ops(tmp_path):
    import ast

    file = Path(opwright("stubs", "--output", tmp_path).strip())
    tree = ast.parse(file.read_text())
    functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
    assert [a.arg for a in functions["matmul"].args.args][:3] == ["a", "b", "transpose_a"]
    nn = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "nn")
    assert "softmax" in {n.name for n in nn.body if isinstance(n, ast.FunctionDef)}


def test_drawing_finds_the_intervals_where_results_are_numbers():
    from opwright.registry import registry
    from opwright_check.drawing import Drawer

    for name, low in (("log", 0), ("acosh", 1)):
        draw = Drawer(registry.op(name), full=False).draw()
        assert all(np.isfinite(s.values[0]).all() for s in draw.subjects)
        assert all(np.all(s.arrays[0] > low) for s in draw.subjects if s.dtypes[0].name == "float64")


def test_a_package_that_has_become_slower_is_told_so(wrong_folder):
    file = wrong_folder / "wrong_ops" / "conformance.json"
    arguments = ("--quick", "--only", "cost", "--seconds", "3")
    opwright("check", "wrong_ops", *arguments, "--write", folder=wrong_folder, expect=1)
    written = json.loads(file.read_text())
    costs = [r for r in written["results"] if r["check"] == "cost" and r["state"] == "ok"]
    assert len(costs) > 20
    (right,) = [r["data"] for r in costs if r["subject"] == "wrong::right"]
    assert right["call"].startswith("wrong::right(x=float32[")
    assert 0 < right["multiple"] < 100
    right["multiple"] /= 50
    file.write_text(json.dumps(written))
    out = opwright("check", "wrong_ops", *arguments, folder=wrong_folder, expect=1)
    assert re.search(r"slower: wrong::right costs [\d.]+ times the yardstick, [\d.]+ when conformance.json was", out)


def test_an_op_with_effects_is_not_tried_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = json.loads(opwright("check", "write_file", "--quick", "--json"))
    assert {r["state"] for r in found["results"]} == {"skip"}
    assert "it has effects" in found["results"][0]["text"]
    assert list(tmp_path.iterdir()) == []
