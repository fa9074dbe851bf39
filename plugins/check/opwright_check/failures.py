"""What a kernel does when memory runs out: it says so, and the process lives; and what it made it gives back."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import sys
import warnings
from collections.abc import Callable
from typing import Any

from opwright.kernels import Kernel, KernelPack, kernels
from opwright.runtime import NULL

from opwright_check.direct import Direct, candidates, described
from opwright_check.outcome import Outcome, check, fail, ok, require, skip
from opwright_check.subject import Subject

ROUNDS = 200  # prepares whose memory is counted
SLACK = 16  # bytes a prepare that the heap may grow by, for its own bookkeeping
_SURVIVED, _SAID, _SILENT = 10, 11, 12  # exit codes of the child


@check("no-memory", "dtype")
def no_memory(subject: Subject) -> Outcome:
    """With no memory left, prepare and run return a status and a message, or need none; the process lives."""
    if not sys.platform.startswith("linux"):
        return skip("needs Linux's limits")
    found = candidates(subject)
    for kernel in filter(stands_alone, found):
        who = f"{subject}: {described(kernel)}"
        direct = Direct(kernel, subject)
        if kernel.struct.prepare != NULL:
            ended = _starved(lambda d=direct: d.kernel.struct.prepare(d.plan), direct.error)
            _judge(who, "prepare", ended)
        run = Direct(kernel, subject).prepare().start()
        if run.direct.run_function != NULL:
            ended = _starved(lambda r=run: r.direct.run_function(r.calls[0], 0, r.direct.n_chunks), run.error)
            _judge(who, "run", ended)
    borrowed = next((k for k in found if not stands_alone(k)), None)
    return ok(f"not asked of {described(borrowed)}: it stands on another library" if borrowed else "")


def stands_alone(kernel: Kernel) -> bool:
    """Whether its library calls no library of somebody else's, which its pack opens before (oneDNN: it does not survive
    a lack of memory)."""
    packs = [p for p in kernels.packs() if p.prepare is not KernelPack.prepare]
    return not any(
        kernel.library == library.path for p in packs for library in kernels.libraries(p.package, kernel.device)
    )


def _judge(who: str, what: str, ended: int) -> None:
    if os.WIFSIGNALED(ended):
        name = signal.Signals(os.WTERMSIG(ended)).name
        require(False, f"{who}: {what} kills the process ({name}) when memory runs out; return OW_NO_MEMORY")
    code = os.WEXITSTATUS(ended)
    require(code != _SILENT, f"{who}: {what} fails without a message when memory runs out; use host->fail")
    require(code in (_SURVIVED, _SAID), f"{who}: {what} ends the process with status {code} when memory runs out")


def _starved(function: Callable[[], Any], error: Any) -> int:
    """How a child process ends that calls the function with no memory left."""
    libc = ctypes.CDLL(None)
    _warm_exceptions()
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    with warnings.catch_warnings():  # of the threads that the child will not have; it only calls the kernel
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    faulthandler.disable()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # terminate() would speak
    reserve = libc.malloc(1 << 16)
    _exhaust(libc.malloc)
    try:
        status = function()
        libc.free(reserve)
        os._exit(_SURVIVED if not status else _SAID if error.message[0] != b"\0" else _SILENT)
    except MemoryError:
        os._exit(_SURVIVED)


def _warm_exceptions() -> None:
    """Lets this thread have the memory that C++ needs to throw, which it gets when it first throws."""
    try:
        ctypes.CDLL("libstdc++.so.6").__cxa_get_globals()
    except (OSError, AttributeError):
        return  # another C++ library


def _exhaust(malloc: Any) -> None:
    """Takes all the memory that the process may have."""
    import resource

    with open("/proc/self/statm") as f:
        pages = int(f.read().split()[0])
    limit = pages * resource.getpagesize() + (1 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for size in (1 << 20, 1 << 16, 1 << 12, 1 << 10, 600, 256, 128, 64, 32, 16):
        while malloc(size):
            pass


@check("no-leak", "dtype")
def no_leak(subject: Subject) -> Outcome:
    """Preparing again and again, each time giving the state back, does not take more and more memory."""
    used = _heap()
    if used is None:
        return skip("needs glibc's mallinfo2")
    tried = 0
    for kernel in candidates(subject):
        if kernel.struct.prepare == NULL:
            continue
        tried += 1
        _prepared(kernel, subject, 20)
        before = used()
        _prepared(kernel, subject, ROUNDS)
        grown = (used() - before) / ROUNDS
        if grown > SLACK:
            return fail(
                f"{subject}: each prepare of {described(kernel)} leaves {grown:.0f} bytes behind; "
                "set free_state, and free there what prepare made"
            )
    return ok() if tried else skip("no kernel has a prepare")


def _prepared(kernel: Any, subject: Subject, rounds: int) -> None:
    """Prepares again and again on one plan, as the planner does: state given back by free_state."""
    direct = Direct(kernel, subject)
    for _ in range(rounds):
        direct.plan.state, direct.plan.free_state = NULL, NULL
        kernel.struct.prepare(direct.plan)
        if direct.plan.state != NULL and direct.plan.free_state != NULL:
            direct.plan.free_state(direct.plan.state)


class _Mallinfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"
    )]  # fmt: skip


def _heap() -> Callable[[], int] | None:
    """How many bytes malloc has handed out, as a function; None where the C library does not say."""
    function = getattr(ctypes.CDLL(None), "mallinfo2", None) if sys.platform.startswith("linux") else None
    if function is None:
        return None
    function.restype = _Mallinfo

    def used() -> int:
        found = function()
        return int(found.uordblks + found.hblkhd)

    return used
