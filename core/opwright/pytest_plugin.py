"""Fixtures for tests of ops: `graph`, `session`, `rng`, `interrupts`, `force_kernels`, and `gpu`, which skips without a
GPU.

Loaded in every run of pytest where Opwright is installed, so it imports Opwright only for tests that use it.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _eager_at_first() -> None:
    """Each test begins with eager execution: a graph that another, or a module being collected, made current for the
    process does not reach it."""
    if "opwright.scopes" in sys.modules:
        sys.modules["opwright.scopes"].set_base_graph(None)


@pytest.fixture
def rng() -> Any:
    """Random numbers, the same in every run: a numpy.random.Generator."""
    import numpy as np

    return np.random.default_rng(20151109)


@pytest.fixture
def graph() -> Iterator[Any]:
    """A graph that is current during the test."""
    import opwright as ow

    made = ow.Graph()
    with made.as_default():
        yield made


@pytest.fixture
def session(graph: Any) -> Iterator[Any]:
    """A session on the test's graph, current during the test."""
    import opwright as ow

    with ow.Session(graph=graph) as made:
        yield made


@pytest.fixture
def interrupts() -> Iterator[None]:
    """Lets SIGINT raise KeyboardInterrupt, also where pytest was started with it ignored, as shells start background
    jobs: a test that waits for Ctrl-C would wait for ever there.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def force_kernels() -> Iterator[Callable[..., None]]:
    """force_kernels(variant, *ops): from then on that kernel serves the ops on CPUs, whatever the others score."""
    from opwright._abi import ffi
    from opwright.kernels import kernels
    from opwright.registry import registry

    before: dict[str, tuple[list[Any], list[Any]]] = {}  # by op: its candidates, and what they were with their scores

    def force(variant: str, *ops: str) -> None:
        for op in ops:
            listed = kernels.candidates(registry.op(op), "cpu")
            _, known = before.setdefault(op, (listed, [(k, k.struct.score) for k in listed]))
            listed[:] = [k for k, _ in known if k.variant == variant]
            assert listed, f"[{op}] no {variant} kernel among {[k.variant for k, _ in known]}"
            for kernel in listed:
                kernel.struct.score = ffi.NULL  # a copy of ours; without score a kernel counts as able

    yield force
    for listed, known in before.values():
        listed[:] = [k for k, _ in known]
        for kernel, score in known:
            kernel.struct.score = score


@pytest.fixture
def gpu() -> str:
    """The name of the GPU; skips the test, with the reason, where there is none."""
    from opwright.devices import devices

    device = devices().get("cuda:0")
    reason = "the cuda plugin is not installed" if device is None else device.why_unavailable()
    if reason:
        pytest.skip(reason)
    return "/gpu:0"
