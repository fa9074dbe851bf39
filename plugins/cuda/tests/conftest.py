"""A GPU for machines without one: launcher, planner and generated code as they are, a driver that is a stand-in."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import threading
from pathlib import Path
from types import SimpleNamespace

import cffi
import opwright
import pytest
from opwright import hookimpl
from opwright.devices import devices
from opwright.kernels import kernels, open_library
from opwright.plan.descriptors import DEVICES
from opwright.plugins import manager
from opwright.runtime import package_files
from opwright_cuda.device import CudaDevice

HERE = Path(__file__).parent / "fake"
OPS = Path(__file__).parents[3] / "ops"
FLAGS = ["-std=c++17", "-O0", "-fPIC", "-shared", "-fwrapv", "-w"]


def include_folder():
    """Where opwright/kernel.h is."""
    return package_files(opwright.__path__, "include")[0]


class FakeCuda:
    """The stand-in's library, and a compiler of CUDA for it."""

    def __init__(self, folder):
        self.folder = folder
        self.library = folder / "libfakecuda.so"
        self._compile([HERE / "driver.cpp", "-ldl"], self.library)
        self.ffi = cffi.FFI()
        header = (HERE / "fake.h").read_text()
        self.ffi.cdef(header.split('extern "C" {\n#endif')[1].split("#ifdef __cplusplus")[0])
        self.lib = self.ffi.dlopen(str(self.library))

    def _compile(self, sources, target):
        command = ["c++", *FLAGS, f"-I{HERE}", f"-I{include_folder()}", "-o", str(target), *map(str, sources)]
        with open(target.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # workers of one run share what one of them has built
            if target.exists():
                return
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr

    def build(self, name, sources, *flags):
        """A library of CUDA sources, for the host."""
        target = self.folder / f"{name}.so"
        self._compile([*flags, "-include", "cuda_runtime.h", "-x", "c++", *sources, "-x", "none", self.library], target)
        return target

    def address(self, pointer):
        return int(self.ffi.cast("uintptr_t", pointer))

    def count(self, function):
        return self.lib.fake_count(function.encode())

    def fail(self, function, status):
        self.lib.fake_fail(function.encode(), status)


class FakeMemory:
    """What a device takes from CuPy."""

    def __init__(self, fake):
        self.fake = fake
        self.stream = fake.address(fake.lib.fake_stream())

    def allocate(self, nbytes):
        return SimpleNamespace(address=self.fake.address(self.fake.lib.fake_allocate(max(nbytes, 1))))


class FakeCompiler:
    """What a device takes from NVRTC. Sources are compiled together, once the first of them is launched."""

    def __init__(self, fake):
        self.fake = fake
        self.sources = []
        self._lock = threading.Lock()
        self._waiting = {}
        self._paths = {}
        self._resolver = fake.ffi.callback("fake_resolver_fn", self._resolve)
        fake.lib.fake_resolver(self._resolver)

    def compile(self, source):
        self.sources.append(source)
        image = hashlib.sha256(source.encode()).hexdigest()[:16]
        name = source.split("__global__ void ")[1].split("(")[0]
        own = source.replace(f"{name}(", f"{name}_{image}(").replace("Space", f"Space_{image}")
        self._waiting[image] = f"{own}\nFAKE_ENTRY({name}_{image})\n"
        return image.encode()

    def _resolve(self, image):
        found = self.fake.ffi.string(image).decode()
        with self._lock:
            if found not in self._paths:
                waiting, self._waiting = self._waiting, {}
                text = "\n".join(waiting.values())
                file = self.fake.folder / f"generated_{hashlib.sha256(text.encode()).hexdigest()[:16]}.cu"
                written = file.with_suffix(f".{os.getpid()}")
                written.write_text(text)
                os.replace(written, file)
                path = self.fake.ffi.new("char[]", str(self.fake.build(file.stem, [file])).encode())
                self._paths.update(dict.fromkeys(waiting, path))
        return self._paths[found]


@pytest.fixture(scope="session")
def fake_cuda(tmp_path_factory):
    """The stand-in for CUDA; skips where there is no C++ compiler."""
    if shutil.which("c++") is None:
        pytest.skip("no c++ to build the fake GPU with")
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "fake_cuda"
    folder.mkdir(exist_ok=True)
    return FakeCuda(folder)


@pytest.fixture(scope="session")
def fake_device(fake_cuda):
    """The device, of its own kind, so that a real GPU's kernels are not tried on it."""
    compilers = []

    def compiler(capability):
        assert capability == 90
        compilers.append(FakeCompiler(fake_cuda))
        return compilers[0]

    device = CudaDevice(0, str(fake_cuda.library), lambda number: FakeMemory(fake_cuda), compiler)
    device.name = "fake:0"
    assert device.why_unavailable() is None
    device.compiler = compilers[0]
    return device


@pytest.fixture
def fake(fake_cuda, fake_device, monkeypatch):
    """The name of the fake GPU, registered as a plugin does it."""

    class Plugin:
        @hookimpl
        def opwright_register_devices(self, register):
            register(fake_device)

    plugin = Plugin()
    manager().register(plugin)
    devices.cache_clear()
    monkeypatch.setitem(DEVICES, "fake", 2)
    yield "fake:0"
    manager().unregister(plugin)
    devices.cache_clear()


_opened = {}


@pytest.fixture
def fake_kernels(fake, fake_cuda):
    """Opens the CUDA kernels of families, compiled for the fake GPU: fake_kernels("math", "nn")."""

    def open_families(*families):
        for family in families:
            if family not in _opened:
                _opened[family] = _open_family(family, fake_cuda)
                kernels.add(_opened[family])
        return fake

    return open_families


def _open_family(family, fake_cuda):
    folder = OPS / family
    header = fake_cuda.folder / f"{family}_attributes.h"
    script = package_files(opwright.__path__, "cmake/make_attributes.py")[0]
    modules = sorted((folder / f"opwright_{family}").glob("*.py"))
    subprocess.run(["python3", str(script), str(header), *map(str, modules)], check=True)
    library = package_files(opwright.__path__, "cmake/library.cpp")[0]
    sources = sorted((folder / "kernels").glob("*.cu"))
    flags = ['-DOW_DIST="fake"', '-DOW_VERSION="0"', f"-I{fake_cuda.folder}"]
    found = open_library(fake_cuda.build(f"lib{family}_fake", [*sources, library], *flags))
    assert found.error is None
    for kernel in found.kernels:
        assert kernel.device == "cuda"
        kernel.device = "fake"
    return found.kernels


@pytest.fixture(params=["fake", pytest.param("gpu", marks=pytest.mark.gpu)])
def where(request):
    """A function that gives the device to place nodes on, once it has the CUDA kernels of some families."""
    if request.param == "fake":
        return request.getfixturevalue("fake_kernels")
    name = request.getfixturevalue("gpu")
    return lambda *families: name
