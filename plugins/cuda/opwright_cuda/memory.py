"""Memory and the stream from CuPy: its pool, and the primary context that CUDA's runtime and the driver share."""

from __future__ import annotations

from typing import Any

from opwright.errors import ResourceExhaustedError


class Block:
    """A piece of a GPU's memory, given back to CuPy's pool when nobody holds it."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        self.address = int(owner.ptr)


class CupyMemory:
    """What a CudaDevice takes from CuPy. Raises ImportError where that is missing."""

    def __init__(self, number: int) -> None:
        import cupy  # half a second, paid when a GPU is first used

        self._cupy = cupy
        self._device = cupy.cuda.Device(number)
        with self._device:
            self._stream = cupy.cuda.Stream(non_blocking=True)

    @property
    def stream(self) -> int:
        """The CUstream of all work. It does not wait for the default stream, nor that for it."""
        return int(self._stream.ptr)

    def allocate(self, nbytes: int) -> Block:
        """Memory, aligned to 256 bytes or more. The pool hands it out again in the stream's order.

        Raises ResourceExhaustedError.
        """
        try:
            with self._device, self._stream:
                return Block(self._cupy.cuda.alloc(max(nbytes, 1)))
        except self._cupy.cuda.memory.OutOfMemoryError as e:
            raise ResourceExhaustedError(
                f"[cuda] {nbytes / 2**20:.0f} MiB are more than the GPU has left: {e}"
            ) from None


class CudaArena:
    """Memory for a lane's intermediate values. It grows by new blocks: older plans keep the addresses they know."""

    STEP = 1 << 21

    def __init__(self, memory: Any) -> None:
        self._memory = memory
        self._blocks: list[Any] = []
        self._size = 0

    def commit(self, nbytes: int) -> int:
        """The address of that much memory."""
        if nbytes > self._size:
            self._size = -(-nbytes // self.STEP) * self.STEP
            self._blocks.append(self._memory.allocate(self._size))
        return int(self._blocks[-1].address) if self._blocks else 0
