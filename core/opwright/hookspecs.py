"""The whole plugin API: every hook a plugin may implement, with `@opwright.hookimpl`.

A package of ops names itself in the entry-point group `opwright.ops` and is imported when one of its ops is first used.
A package with other hooks names itself in `opwright.plugins` and is imported when a kernel is first chosen.
"""

from __future__ import annotations

from collections.abc import Callable

import pluggy

hookspec = pluggy.HookspecMarker("opwright")
hookimpl = pluggy.HookimplMarker("opwright")


@hookspec
def opwright_register_ops(register: Callable[..., None]) -> None:
    """Register ops and public functions: `register(softmax, log_softmax)`.

    `register` takes OpDefs, functions and classes marked with `@export`, and modules, meaning all of these they define.
    With `prefix="nn"` each is public as `nn.<name>` besides its own names.
    """


@hookspec
def opwright_register_kernels(register: Callable[..., None]) -> None:
    """Register kernel packs, kernels for ops of other packages: `register(KernelPack("onednn", ops=("matmul",)))`."""


@hookspec
def opwright_register_devices(register: Callable[..., None]) -> None:
    """Register devices besides the CPU: `register(CudaDevice())`. Hardware is probed when the device is used."""


@hookspec
def opwright_register_commands(register: Callable[..., None]) -> None:
    """Register commands of the command line, click.Command objects: `register(demo)`."""


@hookspec
def opwright_doctor(report: Callable[[str, bool | str, str], None]) -> None:
    """Add lines to `opwright doctor`: `report("cuda", "note", "cupy is missing; pip install 'opwright[cuda]'")`.

    The state is True or "ok", False or "wrong" (the command then fails), or "note".
    """


__all__ = ["hookimpl", "hookspec", *(name for name in globals() if name.startswith("opwright_"))]
