"""Whether one build serves the oldest core it may meet and the newest: host tables and structures of other sizes."""

from __future__ import annotations

from typing import Any

from opwright._abi import ffi
from opwright.kernels import Kernel, open_library
from opwright.runtime import host

from opwright_check.direct import Direct, candidates, described, same_bits
from opwright_check.outcome import Outcome, check, fail, ok, require
from opwright_check.subject import Subject

# struct_size on a 64-bit machine of the structures of ABI 1.0, which every core has at least.
OLDEST = {"ow_host": 40, "ow_plan": 168, "ow_call": 120}
LATER = 64  # bytes a later core may have added


def host_table(size: int, minor: int, features: int) -> Any:
    """A host table of `size` bytes, as a core of that minor version might hand out: members it has and we do not know
    are zero, what lies beyond it is rubbish."""
    room = ffi.new("char[]", size + LATER)
    ffi.memmove(room, host, min(size, ffi.sizeof("ow_host")))
    ffi.buffer(room)[size:] = b"\xa5" * LATER
    table = ffi.cast("ow_host *", room)
    table.struct_size, table.abi_minor, table.features = size, minor, features
    _tables.append(room)
    return table


_tables: list[Any] = []  # a host table outlives every kernel


def hosts() -> dict[str, tuple[Any, tuple[int, int]]]:
    """The oldest and the newest host table, and the sizes of ow_plan and ow_call that go with them."""
    newest = ffi.sizeof("ow_host") + LATER
    return {
        "oldest": (host_table(OLDEST["ow_host"], 0, int(host.features)), (OLDEST["ow_plan"], OLDEST["ow_call"])),
        "newest": (
            host_table(newest, 99, 2**64 - 1), (ffi.sizeof("ow_plan") + LATER, ffi.sizeof("ow_call") + LATER)
        ),
    }  # fmt: skip


def _name(kernel: Kernel) -> tuple[str, str, str]:
    return kernel.op, kernel.signature, kernel.variant


@check("abi", "dtype")
def abi(subject: Subject) -> Outcome:
    """The library loads and computes the same under the oldest host table and under the newest."""
    tables = hosts()
    for kernel in candidates(subject):
        wanted = Direct(kernel, subject).prepare().start().run().results()
        for age, (table, sizes) in tables.items():
            found = open_library(kernel.library, table) if kernel.library else None
            if found is not None and found.error:
                return fail(f"under the {age} host table: {found.error}")
            like = next((k for k in found.kernels if _name(k) == _name(kernel)), None) if found is not None else kernel
            require(
                like is not None, f"under the {age} host table the library has no {described(kernel)} of {kernel.op}"
            )
            got = Direct(like, subject, host_table=table, sizes=sizes).prepare().start().run().results()
            same = all(same_bits(a, b) for a, b in zip(got, wanted, strict=True))
            require(same, f"{subject}: {described(kernel)} gives other results under the {age} host table")
    return ok("oldest = newest")
