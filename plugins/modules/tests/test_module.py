"""Modules and checkpoints: what is found in them, and found again."""

import json

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, FailedPreconditionError, InvalidArgumentError


class Dense(ow.Module):
    def __init__(self, n, m, name=None):
        super().__init__(name)
        self.w = ow.Variable(np.full((n, m), 0.5, np.float32), name="w")
        self.b = ow.Variable(ow.zeros([m]), name="b")

    def __call__(self, x):
        return ow.tanh(ow.matmul(x, self.w) + self.b)


class Model(ow.Module):
    def __init__(self):
        super().__init__()
        self.layers = [Dense(2, 3), Dense(3, 1, name="last")]
        self.heads = {"a": self.layers[1]}
        self.steps = ow.Variable(0, trainable=False, name="steps")
        self.plain = 5

    @ow.Module.with_name_scope
    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


def test_what_a_module_holds():
    model = Model()
    assert model.name == "model"
    assert [m.name for m in model.submodules] == ["last", "dense"]
    assert [v.name for v in model.variables] == ["b:0", "w:0", "b:0", "w:0", "steps:0"]
    assert len(model.trainable_variables) == 4
    assert [v.name for v in model.non_trainable_variables] == ["steps:0"]
    assert model(ow.ones([4, 2])).shape == (4, 1)
    with pytest.raises(ArgumentError, match="name must be an identifier, got 'a b'"):
        ow.Module("a b")


def test_names_in_a_graph():
    with ow.Graph().as_default() as graph:
        with Dense(1, 1).name_scope:
            ow.constant(1.0, name="c")
        assert graph.get_operation_by_name("dense/c")


def trained(model, optimizer, steps=3):
    x, y = ow.constant([[1.0, 2.0], [0.5, -1.0]]), ow.constant([[0.5], [-0.5]])
    for _ in range(steps):
        with ow.GradientTape() as tape:
            loss = ow.reduce_mean(ow.losses.MSE(y, model(x)))
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
    return float(loss)


def test_training_goes_on_where_it_was_saved(tmp_path):
    model, optimizer = Model(), ow.optimizers.Adam(0.1)
    first = trained(model, optimizer, 1)
    path = ow.train.Checkpoint(model=model, optimizer=optimizer).save(tmp_path / "ckpt")
    assert path == str(tmp_path / "ckpt-1") == ow.train.latest_checkpoint(tmp_path)
    after = trained(model, optimizer)
    assert after < first
    again, restarted = Model(), ow.optimizers.Adam(0.1)
    status = ow.train.Checkpoint(model=again, optimizer=restarted).restore(path)
    status.assert_consumed()
    assert int(restarted.iterations) == 1
    assert trained(again, restarted) == after
    for a, b in zip(model.variables, again.variables, strict=True):
        assert np.array_equal(a.numpy(), b.numpy())
    reader = ow.train.load_checkpoint(tmp_path)
    assert reader.has_tensor("model/layers/0/w")
    assert reader.get_variable_to_shape_map()["optimizer/m/0"] == list(model.trainable_variables[0].shape)
    assert reader.get_variable_to_dtype_map()["model/steps"].name == "int32"
    assert ow.train.load_variable(path, "model/steps") == 0
    assert ("model/steps", []) in ow.train.list_variables(tmp_path)


def test_what_does_not_fit_says_so(tmp_path):
    a = ow.Variable([1.0, 2.0])
    path = ow.train.Checkpoint(a=a).write(tmp_path / "one")
    with pytest.raises(FailedPreconditionError, match="every variable must have its value, got none for b"):
        ow.train.Checkpoint(a=a, b=ow.Variable(1.0)).restore(path).assert_existing_objects_matched()
    status = ow.train.Checkpoint(c=ow.Variable(1.0)).restore(path)
    with pytest.raises(
        FailedPreconditionError, match="every value of the checkpoint must have its variable, got none for a"
    ):
        status.assert_consumed()
    assert status.expect_partial() is status
    with pytest.raises(InvalidArgumentError, match=r"a must be float32 of shape \(3,\), got float32 of shape \(2,\)"):
        ow.train.Checkpoint(a=ow.Variable([1.0, 2.0, 3.0])).restore(path)
    with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
        ow.train.Checkpoint(a=a).restore(tmp_path / "none")
    with pytest.raises(ArgumentError, match="a must hold variables, got 3"):
        ow.train.Checkpoint(a=3)
    assert ow.train.Checkpoint(a=a).restore(None).assert_consumed()
    (tmp_path / "bad.safetensors").write_bytes(b"\x05\x00\x00\x00\x00\x00\x00\x00hello")
    with pytest.raises(InvalidArgumentError, match="must be a file of the format safetensors"):
        ow.train.load_checkpoint(tmp_path / "bad")


def test_a_manager_keeps_the_last_ones(tmp_path):
    v = ow.Variable(0.0)
    manager = ow.train.CheckpointManager(ow.train.Checkpoint(v=v), tmp_path, max_to_keep=2)
    assert manager.latest_checkpoint is None
    assert manager.restore_or_initialize() is None
    for n in range(1, 12):
        v.assign(float(n))
        manager.save()
    assert manager.checkpoints == [str(tmp_path / "ckpt-10"), str(tmp_path / "ckpt-11")]
    other = ow.Variable(0.0)
    again = ow.train.CheckpointManager(ow.train.Checkpoint(v=other), tmp_path, max_to_keep=2)
    assert again.restore_or_initialize() == manager.latest_checkpoint == str(tmp_path / "ckpt-11")
    assert float(other) == 11.0
    assert again.save() == str(tmp_path / "ckpt-12")


@pytest.mark.parametrize("dtype", ow.dtypes.any_type)
def test_every_dtype_is_kept(dtype, tmp_path):
    value = ow.cast(ow.constant([[0.0, 1.0, 2.0]]), dtype)
    v, empty = ow.Variable(value), ow.Variable(value[:, :0])
    path = ow.train.Checkpoint(v=v, empty=empty).write(tmp_path / dtype)
    other = ow.Variable(ow.zeros_like(value))
    ow.train.Checkpoint(v=other, empty=ow.Variable(value[:, :0])).restore(path).assert_consumed()
    assert np.array_equal(other.numpy(), v.numpy())


def test_the_file_has_the_format(tmp_path):
    path = ow.train.Checkpoint(v=ow.Variable([1.0, 2.0])).write(tmp_path / "v")
    data = (tmp_path / "v.safetensors").read_bytes()
    assert path == str(tmp_path / "v")
    n = int.from_bytes(data[:8], "little")
    assert n % 8 == 0
    assert json.loads(data[8 : 8 + n]) == {"v": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    assert np.frombuffer(data[8 + n :], np.float32).tolist() == [1.0, 2.0]
