"""No step of the bench's programs takes memory or gives it back, counted call by call.

oneDNN is left out: each of its primitives allocates as it starts, a map of its arguments that lives as long as the call.

Run as a program it does the steps and prints, as JSON, what each workload's took.
"""

import ctypes
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
WORKLOADS = ["scalar", "chain100", "elementwise", "softmax", "mlp", "deep_mnist", "cifar10", "word2vec", "lstm"]
WARM, COUNTED = 3, 4


def counted_steps():
    """For each workload how often its steps called malloc and its kin, how often oneDNN did so for them, and the first
    caller."""
    import opwright_tf1 as tf
    from opwright._abi import ffi
    from opwright.plan import executable
    from opwright.runtime import lib

    counter = ctypes.CDLL(None)
    counter.counted_run.restype = ctypes.c_int32
    malloc, run = ctypes.cast(counter.malloc, ctypes.c_void_p), ctypes.c_void_p(int(ffi.cast("uintptr_t", lib.owr_run)))
    assert _counted(counter, lambda: counter.counted_run(malloc, ctypes.c_void_p(64), 0), 3)[0] == 3

    def run_plan(plan, resume):
        return counter.counted_run(run, ctypes.c_void_p(int(ffi.cast("uintptr_t", plan))), resume)

    executable.run_plan = run_plan
    spec = importlib.util.spec_from_file_location("bench_graph", HERE.parent / "bench" / "graph.py")
    graph = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(graph)
    found = {}
    for name in WORKLOADS:
        with tf.Graph().as_default():
            step = getattr(graph, name)(tf)
            found[name] = [_counted(counter, step, n) for n in (WARM, COUNTED)][1]
    return found


def _counted(counter, step, n):
    numbers, who = (ctypes.c_long * 2)(), ctypes.create_string_buffer(4096)
    counter.counted(numbers, who, ctypes.c_size_t(len(who)))
    for _ in range(n):
        step()
    counter.counted(numbers, who, ctypes.c_size_t(len(who)))
    return [*numbers, who.value.decode()]


@pytest.fixture(scope="module")
def counts(tmp_path_factory):
    compiler = os.environ.get("CC") or shutil.which("cc")
    if sys.platform != "linux" or compiler is None:
        pytest.skip("no compiler on Linux to build what counts")
    library = tmp_path_factory.mktemp("counter") / "liballocations.so"
    source = HERE / "allocations.c"
    built = subprocess.run(
        [compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], capture_output=True, text=True
    )
    if built.returncode:
        pytest.skip(f"not glibc: {built.stderr}")
    env = {**os.environ, "LD_PRELOAD": str(library)}
    made = subprocess.run([sys.executable, __file__], capture_output=True, text=True, env=env, timeout=300)
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", WORKLOADS)
def test_no_step_allocates(name, counts):
    calls, _, who = counts[name]
    assert calls == 0, f"{calls} calls in {COUNTED} steps, the first by\n{who}"


if __name__ == "__main__":
    print(json.dumps(counted_steps()))
