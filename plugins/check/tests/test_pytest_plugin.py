"""The checks as tests: what a run of pytest in a project says."""

import os
import sys

import pytest

pytest_plugins = ["pytester"]

SETTINGS = "[pytest]\nopwright_check = {}\naddopts = -p no:cacheprovider\n"


@pytest.fixture
def project(pytester, monkeypatch):
    """A project whose tests are in tests/, run in a process of its own with packages on the path."""
    pytester.mkdir("tests").joinpath("test_own.py").write_text("def test_own():\n    pass\n")

    def run(package, *arguments, paths=()):
        pytester.makeini(SETTINGS.format(package))
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, paths)))
        return pytester.run(sys.executable, "-m", "pytest", *arguments)

    return run


@pytest.fixture
def packaged(pytester):
    """A function that installs a package of the ops in a source, in a folder to stand on the path."""

    def make(source, module="right_ops"):
        site = pytester.mkdir("site")
        (site / f"{module}.py").write_text(source)
        info = site / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module.replace('_', '-')}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[opwright.ops]\n{module} = {module}\n")
        return site

    return make


RIGHT = '''
from opwright import elementwise, hookimpl

softplus = elementwise("right::softplus", "log1p(exp(-fabs(x))) + fmax(x, 0)", gradient=lambda x, y, dy: dy * ops.sigmoid(x))

@hookimpl
def opwright_register_ops(register):
    register(softplus)
'''.replace("from opwright import", "from opwright import ops,")  # fmt: skip


def test_each_check_of_each_op_is_a_test(project, packaged):
    result = project("right_ops", "-v", "-rs", paths=[packaged(RIGHT)])
    outcomes = result.parseoutcomes()
    assert "failed" not in outcomes
    assert outcomes["passed"] > 12
    result.stdout.fnmatch_lines(
        [
            "*test_own PASSED*",
            "right_ops[[]library[]] SKIPPED*",
            "right::softplus[[]drawing[]] PASSED*",
            "right::softplus[[]gradient[]] PASSED*",
            "right::softplus[[]save-load[]] PASSED*",
        ],
        consecutive=False,
    )
    result.stdout.fnmatch_lines(["SKIPPED*the package has no kernel library for the CPU*"])


def test_they_can_be_chosen_by_name(project, packaged):
    site = packaged(RIGHT)
    outcomes = project("right_ops", "-k", "softplus and (numerics or gradient)", paths=[site]).parseoutcomes()
    assert outcomes["passed"] == 2
    assert outcomes["deselected"] > 25


def test_paths_to_files_run_what_they_name(project, packaged):
    site = packaged(RIGHT)
    project("right_ops", "tests/test_own.py", paths=[site]).assert_outcomes(passed=1)
    project("right_ops", "tests/test_own.py::test_own", paths=[site]).assert_outcomes(passed=1)
    assert project("right_ops", "tests", "-k", "drawing", paths=[site]).parseoutcomes()["passed"] == 1


def test_a_failure_says_what_must_hold_what_is_wrong_and_how_to_run_it_alone(project, wrong_folder):
    result = project("wrong_ops", "-k", "(overruns and (guards or poison)) or (aborts and (drawing or guards))",
                     paths=[wrong_folder])  # fmt: skip
    result.assert_outcomes(passed=1, failed=3, deselected=result.parseoutcomes()["deselected"])
    result.stdout.fnmatch_lines(
        [
            "*wrong::overruns[[]guards[]]*",
            "wrong::overruns, guards: No byte beside inputs, outputs and scratch is written, and inputs stay as they are.",
            "wrong::overruns(*): the cpu kernel float32->float32 writes outside output 0: * bytes after it, 1 bytes away",
            "alone: opwright check wrong::overruns --only guards",
        ],
        consecutive=False,
    )
    result.stdout.fnmatch_lines(["it ended the process (SIGABRT) during drawing*"])
    result.stdout.fnmatch_lines(["it was not reached: the process had ended before"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_package_that_is_not_there_or_broken_is_named(project, packaged):
    result = project("nowhere_ops")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*opwright_check names 'nowhere_ops', which is not installed as a package of ops"])
    result = project("right_ops", paths=[packaged("raise RuntimeError('half written')\n")])
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*'right_ops', which could not be loaded: RuntimeError: half written"])


def test_without_the_setting_nothing_is_imported(pytester):
    pytester.makepyfile("import sys\n\ndef test_lean():\n    assert 'opwright_check.suite' not in sys.modules\n")
    pytester.run(sys.executable, "-m", "pytest").assert_outcomes(passed=1)
