"""The launcher, kernels/launch.h through cffi: the one place where Python meets CUDA's driver."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import cffi
from opwright import _abi
from opwright.errors import InternalError, LibraryError
from opwright.runtime import SUFFIX, package_files

import opwright_cuda

ffi = cffi.FFI()


@cache
def launcher() -> Any:
    """The launcher's functions. Raises LibraryError where Opwright was built without them."""
    files = package_files(opwright_cuda.__path__, f"libcuda_launch{SUFFIX}")
    headers = package_files(opwright_cuda.__path__, "launch.h")
    if not files or not headers:
        raise LibraryError(f"libcuda_launch{SUFFIX} is missing from {list(opwright_cuda.__path__)}; reinstall opwright")
    (declarations,) = re.findall(r"/\* cdef begin \*/(.*?)/\* cdef end \*/", headers[0].read_text(), re.S)
    ffi.cdef(declarations)
    return ffi.dlopen(str(files[0]))


@cache
def driver(library: str) -> Any:
    """The driver in a shared library, started. Raises LibraryError with the reason where there is none."""
    why = _room()
    found = launcher().owc_driver(library.encode(), why)
    if found == ffi.NULL:
        raise LibraryError(_text(why))
    return found


class Gpu:
    """A GPU of a driver, with its primary context."""

    def __init__(self, library: str, number: int) -> None:
        self.lib = launcher()
        opened = driver(library)
        count = self.lib.owc_device_count(opened)
        if number >= count:
            raise LibraryError(f"the NVIDIA driver finds {count} GPUs, so the last is cuda:{count - 1}")
        self.version = int(self.lib.owc_driver_version(opened))
        why = _room()
        self._device = self.lib.owc_device(opened, number, why)
        if self._device == ffi.NULL:
            raise LibraryError(_text(why))

    @property
    def name(self) -> str:
        room = ffi.new("char[]", 256)
        self.lib.owc_device_name(self._device, room, 256)
        return ffi.string(room).decode(errors="replace")

    @property
    def capability(self) -> int:
        """90 for compute capability 9.0."""
        return int(self.lib.owc_capability(self._device))

    def function(self, image: bytes, name: str) -> Any:
        """A kernel in an image, PTX or cubin. Raises InternalError if the driver cannot load it."""
        why = _room()
        found = self.lib.owc_function(self._device, ffi.from_buffer(image + b"\0"), name.encode(), why)
        if found == ffi.NULL:
            raise InternalError(f"[cuda] {_text(why)}")
        return found

    def upload(self, array: Any, to: int, stream: int) -> None:
        """Copies a dense array to an address on the GPU. Raises InternalError if that fails."""
        why = _room()
        source = ffi.from_buffer(array.reshape(-1).view("uint8")) if array.size else ffi.NULL
        if self.lib.owc_upload(self._device, to, source, array.nbytes, ffi.cast("void *", stream), why):
            raise InternalError(f"[cuda] {_text(why)}")

    def launch(self, function: Any, blocks: int, threads: int, space: bytes) -> tuple[Any, Any]:
        """An ow_run_fn and its state: a kernel over a call's tensors, with `space` as its last parameter."""
        state = self.lib.owc_launch_state(self._device, function, blocks, threads, space, len(space))
        return _core("ow_run_fn", self.lib.owc_launch_run_address()), self._state(state)

    def copy(self, what: int, peer: int = 0) -> tuple[Any, Any]:
        """An ow_run_fn and its state: a dense copy. `what` is launch.h's OWC_TO_DEVICE ..."""
        state = self.lib.owc_copy_state(self._device, what, ffi.cast("void *", peer))
        return _core("ow_run_fn", self.lib.owc_copy_run_address()), self._state(state)

    def _state(self, made: Any) -> Any:
        if made == ffi.NULL:
            raise MemoryError("no memory for a kernel's state")
        free = self.lib.owc_state_free
        return _abi.ffi.gc(_core("void *", int(ffi.cast("uintptr_t", made))), lambda _: free(made))


def _core(kind: str, address: int) -> Any:
    """An address as the core's cffi module knows it."""
    return _abi.ffi.cast(kind, address)


def _room() -> Any:
    return ffi.new("char[]", 512)


def _text(why: Any) -> str:
    return ffi.string(why).decode(errors="replace") or "no memory"
