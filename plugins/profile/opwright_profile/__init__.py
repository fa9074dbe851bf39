"""What steps take: ow.profile, the time of each node beside what the machine can do; ow.memory, where values lie."""

from __future__ import annotations

from collections.abc import Callable

from opwright import hookimpl

from opwright_profile import memory, recording


@hookimpl
def opwright_register_ops(register: Callable[..., None]) -> None:
    register(recording, memory)
