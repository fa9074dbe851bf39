"""Training steps take no memory, and a busy neighbour slows them little."""

import ctypes
import gc
import importlib.util
import os
import statistics
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import opwright_tf1 as tf
import pytest
from opwright.runtime import workers

WORKLOADS = Path(__file__).parents[1] / "bench" / "graph.py"
STEPS = 500
SMALL = {
    "lstm": {"batch": 4, "steps": 5, "width": 6, "hidden": 8},
    "deep_mnist": {"batch": 1},
    "cifar10": {"batch": 1},
    "word2vec": {"batch": 4, "vocabulary": 1000, "width": 8, "sampled": 4},
}


def training(name):
    spec = importlib.util.spec_from_file_location("bench_graph", WORKLOADS)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with tf.Graph().as_default():
        return getattr(module, name)(tf, **SMALL.get(name, {}))


class Mallinfo(ctypes.Structure):
    """struct mallinfo2 of malloc.h."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
    ]


def in_use():
    """Bytes that the C library has handed out and not got back, those of mmap included."""
    try:
        mallinfo = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError):
        pytest.skip("no mallinfo2: not glibc 2.33 or later")
    mallinfo.restype = Mallinfo
    found = mallinfo()
    return found.uordblks + found.hblkhd


def resident():
    """Pages in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1])


@pytest.mark.parametrize("name", ["softmax", "mlp", *SMALL])
def test_no_step_takes_memory(name):
    step = training(name)
    for _ in range(20):
        step()
    gc.collect()
    tracemalloc.start()
    try:
        step()
        before, c_before, pages = tracemalloc.get_traced_memory()[0], in_use(), resident()
        for _ in range(STEPS):
            step()
        grown = tracemalloc.get_traced_memory()[0] - before
        c_grown = in_use() - c_before
    finally:
        tracemalloc.stop()
    # The smallest object of Python's has 16 bytes, malloc's smallest piece 32: less than one for each step.
    assert grown < 16 * STEPS, f"{grown} bytes of Python objects"
    assert c_grown < 16 * STEPS, f"{c_grown} bytes of malloc"
    assert resident() - pages < 16


def burn(seconds):
    """Counts to a million until the time is over."""
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import time\nend = time.time() + {seconds}\nwhile time.time() < end: sum(range(10**6))",
        ]
    )


def median_of(step, seconds=0.5):
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the load from /proc")
def test_a_busy_neighbour_slows_the_median_step_by_less_than_a_third():
    if workers() < 2:
        pytest.skip("one core: a neighbour takes half of it")
    if idle() < 0.9 * workers():
        pytest.skip("the machine is loaded already")
    step = training("softmax")
    median_of(step)
    ratios = []
    for _ in range(3):
        alone = median_of(step)
        neighbours = [burn(30) for _ in range(workers() - 1)]
        try:
            time.sleep(0.2)  # until they count
            ratios.append(median_of(step) / alone)
        finally:
            for neighbour in neighbours:
                neighbour.kill()
                neighbour.wait()
    if idle() < 0.9 * workers():
        pytest.skip("others have loaded the machine meanwhile")
    assert min(ratios) <= 1.3, ratios


def idle(seconds=0.3):
    """Cores that had nothing to do for some time."""

    def ticks():
        return int(Path("/proc/stat").read_text().split("\n", 1)[0].split()[4])

    before = ticks()
    time.sleep(seconds)
    return (ticks() - before) / os.sysconf("SC_CLK_TCK") / seconds
