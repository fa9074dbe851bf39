"""Whether a kernel may be dealt out to threads: any cut into chunks, any worker, several calls at once, no threads of
its own."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opwright import runtime
from opwright.runtime import NULL

from opwright_check.direct import NONDETERMINISTIC, Direct, Run, candidates, described, same_bits
from opwright_check.outcome import Outcome, Stop, check, ok, require, skip
from opwright_check.subject import Array, Subject

WORKERS = 3
RUNS = 10
CALLERS = 8
OPENMP = ("libgomp", "libomp", "libiomp")


@check("determinism", "case")
def determinism(subject: Subject) -> Outcome:
    """Every cut into chunks, order, worker and number of workers gives the same bits, in each of 10 runs."""
    for kernel in candidates(subject):
        if kernel.caps & NONDETERMINISTIC:
            continue
        direct = Direct(kernel, subject, workers=WORKERS).prepare()
        n = direct.n_chunks
        wanted = direct.start().run().results()
        if direct.run_function == NULL:
            continue
        whole = [(0, n, 0)]
        single = [(i, i + 1, i % WORKERS) for i in range(n)]
        deals = {"chunk by chunk": single, "backwards": single[::-1], "on another worker": [(0, n, WORKERS - 1)]}
        for how, deal in (deals | {f"run {i}": whole for i in range(2, RUNS + 1)}).items():
            got = direct.start().run(deal).results()
            same = all(same_bits(a, b) for a, b in zip(got, wanted, strict=True))
            require(same, f"{subject}: {described(kernel)} gives other results {how}, cut into {n} chunks")
    return _workers(subject)


def _workers(subject: Subject) -> Outcome:
    """The same through the runtime, on 1 to several threads."""
    if subject.op.random:
        return ok("but it is random between calls")
    most = max(WORKERS, runtime.workers())
    for n in range(1, most + 1):
        with workers(n):
            got = subject.in_graph()
        for a, b in zip(got, subject.outputs, strict=False):
            require(same_bits(a, b), f"{subject}: on {n} workers the results differ")
    return ok(f"1 to {most} workers")


@contextmanager
def workers(n: int) -> Iterator[None]:
    before = runtime.workers()
    runtime.set_workers(n)
    try:
        yield
    finally:
        runtime.set_workers(before)


@check("concurrent", "dtype")
def concurrent(subject: Subject) -> Outcome:
    """Eight calls at once on one prepared state give what one alone gives."""
    if subject.writes:
        return skip("it writes variables: its calls follow each other")
    for kernel in candidates(subject):
        direct = Direct(kernel, subject).prepare()
        wanted = direct.start().run().results()
        runs = [direct.start() for _ in range(CALLERS)]
        barrier = threading.Barrier(CALLERS)
        wrong: list[str] = []
        threads = [threading.Thread(target=_caller, args=(run, barrier, wanted, wrong)) for run in runs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        require(not wrong, f"{subject}: {described(kernel)}, called by {CALLERS} threads at once: {wrong[:1]}")
    return ok(f"{CALLERS} threads")


def _caller(run: Run, barrier: threading.Barrier, wanted: list[Array], wrong: list[str]) -> None:
    barrier.wait()
    for _ in range(5):
        try:
            got = run.run().results()
        except Stop as e:  # it belongs to the check, not to this thread
            wrong.append(str(e))
            return
        if not all(same_bits(a, b) for a, b in zip(got, wanted, strict=True)):
            wrong.append("the results differ from those of one call")


@check("no-threads", "dtype")
def no_threads(subject: Subject) -> Outcome:
    """The kernel starts no thread and brings no OpenMP runtime."""
    tasks = Path("/proc/self/task")
    if not tasks.exists():
        return skip("needs Linux's /proc")
    for kernel in candidates(subject):
        most = [0]
        before = len(os.listdir(tasks))
        stop = threading.Event()
        watcher = threading.Thread(target=_watch, args=(stop, most, tasks))
        watcher.start()
        try:
            direct = Direct(kernel, subject).prepare()
            for _ in range(3):
                direct.start().run()
        finally:
            stop.set()
            watcher.join()
        seen = max(_left(tasks, before), most[0] - 1)  # the watcher is one
        require(
            seen <= before, f"{subject}: {described(kernel)} starts threads: there were {before}, then {seen}; the "
            "runtime owns all parallelism: declare chunks"
        )  # fmt: skip
    mapped = openmp()
    require(len(mapped) < 2, f"two OpenMP runtimes are mapped: {', '.join(sorted(mapped))}; link none")
    return ok()


def _left(tasks: Path, before: int) -> int:
    """The number of threads, once those that are ending have ended."""
    for _ in range(20):
        left = len(os.listdir(tasks))
        if left <= before:
            break
        time.sleep(0.005)
    return left


def _watch(stop: threading.Event, most: list[int], tasks: Path) -> None:
    while not stop.wait(0.0005):
        most[0] = max(most[0], len(os.listdir(tasks)))


def openmp() -> set[str]:
    """The OpenMP runtimes that are mapped into the process."""
    mapped = {line.rpartition("/")[2].strip() for line in Path("/proc/self/maps").read_text().splitlines()}
    return {name for name in mapped if name.startswith(OPENMP)}
