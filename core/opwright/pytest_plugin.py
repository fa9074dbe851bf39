"""Fixtures for tests of ops: `graph`, `session`, `rng`, `interrupts`, and `gpu`, which skips without a GPU.

Loaded in every run of pytest where Opwright is installed, so it imports Opwright only for tests that use it.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
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
def gpu() -> str:
    """The name of the GPU; skips the test, with the reason, where there is none."""
    from opwright.devices import devices

    device = devices().get("cuda:0")
    reason = "the cuda plugin is not installed" if device is None else device.why_unavailable()
    if reason:
        pytest.skip(reason)
    return "/gpu:0"
