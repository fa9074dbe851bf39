"""The plugin where there is no GPU: what it says, what it generates, what its libraries need."""

import re
import shutil
import subprocess

import numpy as np
import opwright as ow
import pytest
from opwright.devices import devices
from opwright.errors import InvalidArgumentError
from opwright.registry import registry
from opwright.runtime import package_files
from opwright_cuda.compiler import Nvrtc, cache_folder
from opwright_cuda.device import CudaDevice
from opwright_inspect import report


def libraries():
    return [file for p in registry.packages() for file in package_files(__import__(p.module).__path__, "lib*_cuda.so")]


def test_the_first_gpu_is_registered_and_says_why_it_cannot_be_used(graph, session):
    device = devices()["cuda:0"]
    reason = device.why_unavailable()
    if reason is None:
        pytest.skip("there is a GPU")
    assert "driver" in reason or "cupy is missing" in reason
    x = ow.placeholder("float32", [2])
    with graph.device("/gpu:0"):
        y = ow.exp(x)
    with pytest.raises(InvalidArgumentError, match="device 'cuda:0' cannot be used: "):
        session.run(y, {x: [1, 2]})
    np.testing.assert_allclose(session.run(ow.exp(x), {x: [0, 0]}), [1, 1])


def test_without_a_driver_the_reason_names_the_library():
    reason = CudaDevice(0, "libno_such_cuda.so.1").why_unavailable()
    assert re.search(r"no NVIDIA driver: libno_such_cuda.so.1: cannot open shared object file", reason)
    assert "install a driver" in reason


def test_without_cupy_the_reason_names_the_extra(fake_cuda):
    def missing(number):
        raise ModuleNotFoundError("No module named 'cupy'")

    reason = CudaDevice(0, str(fake_cuda.library), missing).why_unavailable()
    assert reason == "cupy is missing (No module named 'cupy'); pip install 'opwright[cuda13]'"


def test_a_gpu_that_is_not_there_is_named(fake_cuda):
    assert CudaDevice(3, str(fake_cuda.library)).why_unavailable() == (
        "the NVIDIA driver finds 1 GPUs, so the last is cuda:0"
    )


def test_cupys_own_trouble_is_passed_on(fake_cuda):
    def broken(number):
        raise RuntimeError("cudaErrorInsufficientDriver")

    reason = CudaDevice(0, str(fake_cuda.library), broken).why_unavailable()
    assert "RuntimeError: cudaErrorInsufficientDriver; pip install --upgrade" in reason


def test_a_forked_process_is_refused(fake_device, monkeypatch):
    assert fake_device.why_unavailable() is None
    monkeypatch.setattr("os.getpid", lambda: 1)
    assert "fork" in fake_device.why_unavailable()


def test_doctor_tells_of_devices_and_kernels():
    lines = [check["text"] for check in report.doctor() if check["what"] in ("device", "cuda")]
    assert any(line.startswith("cuda:0: ") for line in lines)
    assert any("CUDA kernels in" in line or "without nvcc" in line for line in lines)


def test_kernel_libraries_need_nothing_of_cuda():
    if not libraries():
        pytest.skip("built without nvcc")
    if shutil.which("readelf") is None:
        pytest.skip("no readelf")
    for file in libraries():
        table = subprocess.run(["readelf", "-d", str(file)], capture_output=True, text=True, check=True).stdout
        needed = re.findall(r"NEEDED.*\[(.*)\]", table)
        assert not [n for n in needed if "cud" in n], (file, needed)


def nvrtc():
    try:
        from cupy.cuda import nvrtc

        nvrtc.getVersion()
    except Exception as e:
        pytest.skip(f"no NVRTC: {e}")


def test_nvrtc_compiles_what_is_generated(graph, session, fake, fake_device, tmp_path, monkeypatch, rng):
    """Code for GPUs of three generations, from the sources that the fake GPU runs; kept on disk."""
    nvrtc()
    monkeypatch.setenv("OPWRIGHT_CUDA_CACHE", str(tmp_path / "kept"))
    before = len(fake_device.compiler.sources)
    x = ow.placeholder("float16", [4, 5])
    y = ow.placeholder("int64", [5])
    with graph.device(fake):
        a = ow.nn.gelu(ow.cast(x, "float32"), approximate=True) * ow.sigmoid(ow.cast(ow.transpose(x), "float32")[0, 0])
        b = ow.where(ow.greater(y, 2), ow.cast(ow.cast(y, "float64"), "bfloat16"), ow.cast(y // 2, "bfloat16"))
        c = ow.lgamma(ow.transpose(x) + 1.0) + ow.nn.selu(ow.transpose(x))
    session.run([a, b, c], {x: rng.normal(size=(4, 5)), y: np.arange(5)})
    sources = fake_device.compiler.sources[before:]
    assert len(sources) >= 3
    for capability in (75, 90, 999):
        compiler = Nvrtc(capability)
        images = [compiler.compile(source) for source in sources]
        assert all(len(image) > 500 for image in images)
        assert [compiler.compile(source) for source in sources] == images
    assert len(list(cache_folder().glob("*.cubin"))) == 2 * len(sources)
    assert len(list(cache_folder().glob("*.ptx"))) == len(sources)


def test_floats_are_computed_in_floats(graph, session, fake, fake_device):
    """A literal of C is a double, which takes a GPU many times as long."""
    x = ow.placeholder("float32", [3])
    with graph.device(fake):
        y = ow.nn.selu(x)
    session.run(y, {x: [1, 2, 3]})
    source = next(s for s in fake_device.compiler.sources if " ow_selu(" in s)
    assert "float(1.7580993408473766) * expm1(x0)" in source
    assert "double" not in source
