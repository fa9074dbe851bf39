"""The demo: what it prints, and that the networks learn."""

import json
import subprocess
import sys

import pytest


def demo(*options):
    command = [sys.executable, "-m", "opwright", "demo", *options]
    found = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_both_networks_read_digits():
    regression, network = json.loads(demo("--json"))
    assert regression["accuracy"] >= 0.90
    assert network["accuracy"] >= 0.955
    assert regression["name"] == "softmax regression"
    assert {"opwright_math", "opwright_state", "opwright_softmax"} <= set(network["packages"])


def test_the_table_names_accuracy_time_and_origin():
    out = demo("--steps", "20")
    assert "accuracy on the test digits" in out
    assert "time per step" in out
    assert "from opwright_math" in out
    assert "two layers" in out


def test_convolutions_read_digits():
    (network,) = json.loads(demo("conv", "--steps", "40", "--json"))
    assert network["name"] == "two convolutions"
    assert network["accuracy"] >= 0.8
    assert {"opwright_conv", "opwright_pooling"} <= set(network["packages"])


@pytest.mark.parametrize("command", [["list"], ["list", "--ops"], ["doctor"], ["info", "softmax"], ["--version"]])
def test_commands_answer(command):
    found = subprocess.run([sys.executable, "-m", "opwright", *command], capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout


def test_commands_speak_json():
    def run(*command):
        found = subprocess.run(
            [sys.executable, "-m", "opwright", *command, "--json"], capture_output=True, text=True, timeout=60
        )
        return json.loads(found.stdout)

    listed = run("list")
    assert {"array", "math", "demo"} <= {p["name"] for p in listed["packages"]}
    assert "softmax" in {op["name"] for op in listed["ops"]}
    about = run("info", "softmax")
    assert about["gradient"] == "yes"
    assert {"float32->float32", "float64->float64"} <= {k["signature"] for k in about["kernels"]}
    assert {check["state"] for check in run("doctor")} <= {"ok", "note"}


def test_unknown_ops_are_named_with_a_suggestion():
    found = subprocess.run(
        [sys.executable, "-m", "opwright", "info", "sotfmax"], capture_output=True, text=True, timeout=60
    )
    assert found.returncode == 1
    assert found.stderr == "opwright: unknown op or function 'sotfmax'; did you mean 'softmax'?\n"
