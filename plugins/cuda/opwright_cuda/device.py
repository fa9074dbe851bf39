"""A GPU as the planner sees it: memory, copies, and kernels made for elementwise clusters."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable
from typing import Any

from opwright._abi import ffi
from opwright.devices import device
from opwright.errors import LibraryError
from opwright.plan.ir import Node
from opwright.plan.select import Prepared

from opwright_cuda.compiler import Nvrtc
from opwright_cuda.memory import CudaArena, CupyMemory
from opwright_cuda.source import Generated, of_cluster, of_copy

LIBCUDA = "libcuda.so.1"
THREADS = 256  # of a block
MOST_BLOCKS = 1 << 16  # beyond, threads do several elements
_TO_DEVICE, _TO_HOST, _WITHIN, _FROM_PEER = range(4)  # launch.h's OWC_TO_DEVICE ...


class CudaDevice:
    """The GPU of a number. Nothing is opened before it is asked for: `library` holds the driver, `memory(number)` gives
    memory and a stream, `compiler(capability)` turns CUDA C into code."""

    def __init__(
        self,
        number: int,
        library: str = LIBCUDA,
        memory: Callable[[int], Any] = CupyMemory,
        compiler: Callable[[int], Any] = Nvrtc,
    ) -> None:
        self.name = f"cuda:{number}"
        self.number = number
        self._parts = library, memory, compiler
        self._lock = threading.Lock()
        self._functions: dict[str, Any] = {}
        self._opened_in = 0
        self._reason: str | None = None
        self._tried = False
        self.gpu: Any = None

    # -- opening -------------------------------------------------------------------------------------------------------

    def why_unavailable(self) -> str | None:
        """None if the GPU can be used now; else what is missing, and the way out."""
        if not self._tried:
            with self._lock:
                if not self._tried:
                    self._reason = self._open()
                    self._opened_in = os.getpid()
                    self._tried = True
        if self._reason is None and os.getpid() != self._opened_in:
            return "CUDA does not survive a fork; start processes by spawn, or use the GPU only after the fork"
        return self._reason

    def _open(self) -> str | None:
        from opwright_cuda.driver import Gpu  # and with it cffi's parser of C, which takes a while

        library, memory, compiler = self._parts
        try:
            self.gpu = Gpu(library, self.number)
        except LibraryError as e:
            return f"{e}; install a driver from nvidia.com/drivers" if "driver:" in str(e) else str(e)
        extra = "cuda13" if self.gpu.version >= 13000 else "cuda"
        try:
            self._memory = memory(self.number)
            self._compiler = compiler(self.gpu.capability)
        except ImportError as e:
            return f"cupy is missing ({e}); pip install 'opwright[{extra}]'"
        except Exception as e:  # CuPy's errors have no common class; whatever it is, the CPU goes on working
            return f"cupy cannot use the GPU: {type(e).__name__}: {e}; pip install --upgrade 'opwright[{extra}]'"
        return None

    @property
    def stream(self) -> Any:
        """The stream of all this device's work, as ow_call.stream."""
        return ffi.cast("void *", self._memory.stream)

    # -- memory --------------------------------------------------------------------------------------------------------

    def arena(self) -> CudaArena:
        """Memory for a lane's intermediate values."""
        return CudaArena(self._memory)

    def allocate(self, nbytes: int) -> Any:
        """Memory on the GPU, with its `address`."""
        return self._memory.allocate(nbytes)

    def upload(self, array: Any) -> Any:
        """A copy of a dense array on the GPU, with its `address`."""
        block = self._memory.allocate(array.nbytes)
        self.gpu.upload(array, block.address, self._memory.stream)
        return block

    def copy_kernel(self, node: Node) -> Prepared:
        """A Prepared kernel for a node that copies from the GPU, to it, or on it."""
        (source,), (target,) = node.inputs, node.outputs
        here, there = source.storage.device, target.storage.device
        if here != there:
            what = _TO_DEVICE if here == "cpu" else _TO_HOST if there == "cpu" else _FROM_PEER
            return _prepared(self.gpu.copy(what, _stream_of(here) if what == _FROM_PEER else 0))
        if source.layout.is_dense:
            return _prepared(self.gpu.copy(_WITHIN))
        return self._launch(of_copy(source))

    # -- clusters ------------------------------------------------------------------------------------------------------

    def fuses(self, scalar: str) -> bool:
        """Whether kernels can be made of a scalar expression: of any."""
        return bool(scalar)

    def compile(self, cluster: Any, descriptors: Any) -> Prepared:
        """A Prepared kernel for a cluster: generated CUDA C, compiled once for clusters that differ only in sizes."""
        generated = of_cluster(cluster)
        prepared = self._launch(generated)
        prepared.inplace = [
            (i, o)
            for o, output in enumerate(cluster.outputs)
            for i, source in enumerate(cluster.inputs)
            if source.dtype.size == output.dtype.size and source in generated.dense
        ]
        return prepared

    def _launch(self, generated: Generated) -> Prepared:
        with self._lock:
            function = self._functions.get(generated.text)
            if function is None:
                image = self._compiler.compile(generated.text)
                function = self._functions[generated.text] = self.gpu.function(image, generated.name)
        blocks = min(math.ceil(generated.size / THREADS), MOST_BLOCKS)
        return _prepared(self.gpu.launch(function, blocks, THREADS, generated.space))


def _prepared(run_and_state: tuple[Any, Any]) -> Prepared:
    run, state = run_and_state
    return Prepared(None, None, run, state=state)


def _stream_of(name: str) -> int:
    return int(ffi.cast("uintptr_t", device(name).stream))
