"""Devices, scopes, versions."""

import logging

import opwright as ow
import pytest
from opwright.errors import ArgumentError, InvalidArgumentError
from opwright_environment import scopes


def test_devices():
    cpus = ow.config.list_physical_devices("CPU")
    assert [(d.name, d.device_type) for d in cpus] == [("/physical_device:CPU:0", "CPU")]
    assert cpus[0] in ow.config.experimental.list_physical_devices()
    assert ow.config.experimental.list_logical_devices("CPU")[0].name == "/device:CPU:0"
    assert ow.test.is_gpu_available() == bool(ow.config.list_physical_devices("GPU"))
    assert isinstance(ow.test.is_built_with_cuda(), bool)
    ow.config.set_visible_devices(cpus, "CPU")
    ow.config.experimental.set_visible_devices([], "GPU")
    with pytest.raises(ArgumentError, match="devices must be among"):
        ow.config.set_visible_devices(["/gpu:77"])
    ow.config.experimental.set_memory_growth(cpus[0], True)
    assert ow.config.experimental.get_memory_growth(cpus[0])
    assert ow.config.get_visible_devices("cpu") == cpus


def test_threads():
    before = ow.config.threading.get_intra_op_parallelism_threads()
    ow.config.threading.set_intra_op_parallelism_threads(0)
    assert ow.config.threading.get_intra_op_parallelism_threads() == before
    ow.config.threading.set_intra_op_parallelism_threads(1)
    assert ow.config.threading.get_intra_op_parallelism_threads() == 1
    ow.config.threading.set_intra_op_parallelism_threads(before)


def test_scopes():
    with ow.name_scope("a") as scope, ow.device("/cpu:0"), ow.control_dependencies([]):
        assert scope == "a/"
        assert float(ow.constant(1.0) + 1.0) == 2.0
    assert ow.executing_eagerly()
    with ow.Graph().as_default():
        assert not ow.executing_eagerly()
        with ow.name_scope("a"), ow.device("/cpu:0"):
            x = ow.constant(1.0, name="x")
        assert (x.name, x.device) == ("a/x:0", "cpu:0")
        with ow.control_dependencies([x]):
            assert ow.no_op().control_inputs == [x.op]
        assert ow.is_tensor(x)
    assert ow.is_tensor(ow.constant(1))
    assert ow.is_tensor(ow.Variable(1))
    assert not ow.is_tensor(1)
    assert ow.newaxis is None


def test_texts():
    assert ow.version.VERSION == ow.__version__
    assert ow.compat.as_str(b"a") == ow.compat.as_text("a") == ow.compat.as_str_any(b"a") == "a"
    assert ow.compat.as_bytes("é") == "é".encode()
    assert ow.compat.as_str_any(3) == "3"
    with pytest.raises(ArgumentError, match="text or bytes are needed, got 3"):
        ow.compat.as_bytes(3)


def test_placements_are_not_logged(caplog):
    with caplog.at_level(logging.WARNING, "opwright"):
        ow.debugging.set_log_device_placement(True)
    assert "opwright explain" in caplog.text


def test_eager_blocks_for_devices_that_are_not_there(monkeypatch):
    text = r"\[device\] the device must be there, got '/gpu:7': .*; config.set_soft_device_placement\(True\) runs such blocks"
    with pytest.raises(InvalidArgumentError, match=text), ow.device("/gpu:7"):
        pass
    monkeypatch.setattr(scopes, "soft_placement", [True])
    with ow.device("/gpu:7"):
        assert float(ow.constant(1.0) + 1.0) == 2.0
    assert not ow.config.get_soft_device_placement()
    ow.config.set_soft_device_placement(True)
    assert ow.config.get_soft_device_placement()
    ow.config.set_soft_device_placement(False)


def test_eager_blocks_for_devices_that_are_there_say_where_they_run(monkeypatch, caplog):
    monkeypatch.setattr(scopes, "find_device", lambda name: None)
    monkeypatch.setattr(scopes, "_warned", set())
    for _ in range(2):
        with ow.device("/gpu:0"):
            pass
    (record,) = caplog.records
    assert "eager ops run on the CPU, also inside `with device('/gpu:0')`" in record.getMessage()
