"""The arenas of the tutorial networks' training steps are little larger than what any layout needs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"


@pytest.mark.parametrize("network", ["deep_mnist", "cifar10"])
def test_the_peak_is_near_the_lower_bound(network, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(f"import tensorflow as tf\nimport graph\n\ngraph.{network}(tf)()\n")
    command = [sys.executable, "-m", "opwright", "explain", "--memory", "--json", str(program)]
    env = {**os.environ, "PYTHONPATH": str(BENCH)}
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, env=env, timeout=120).stdout)
    activations = {"deep_mnist": 4 * 50 * 28 * 28 * 32, "cifar10": 4 * 128 * 24 * 24 * 64}[network]
    assert found["lower_bound"] > 2 * activations  # of the first layer: the forward and the backward one
    assert found["ratio"] <= 1.2
