"""Modules and functions, saved and called again: in this process and in one that lacks their source."""

import subprocess
import sys

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, GraphError

CLIENT = """
import sys
import opwright as ow

model = ow.saved_model.load(sys.argv[1])
print(model(ow.ones([1, 2])).numpy().tolist())
print(model.grow(ow.ones([3]), ow.constant(5))["y"].numpy().tolist())
print(int(model.steps), model.rate, model.names, [float(v) for v in model.layers[0].parts])
print(model.signatures["serving_default"](x=[[1.0, 2.0]])["output_0"].numpy().tolist())
x = ow.ones([3]) * 1.1
with ow.GradientTape() as tape:
    tape.watch(x)
    y = ow.reduce_sum(model.grow(x, ow.constant(3))["y"])
print([round(float(d), 4) for d in tape.gradient(y, x)])
"""


class Layer(ow.Module):
    def __init__(self):
        super().__init__()
        self.parts = (ow.Variable(1.5), ow.Variable(2.5))


class Model(ow.Module):
    def __init__(self):
        super().__init__()
        self.w = ow.Variable(np.arange(6, dtype=np.float32).reshape(2, 3), name="w")
        self.steps = ow.Variable(0, trainable=False, name="steps")
        self.layers = [Layer()]
        self.rate = 0.5
        self.names = {"a": "b"}

    @ow.function(input_signature=[ow.TensorSpec([None, 2])])
    def __call__(self, x):
        return x @ self.w

    @ow.function
    def grow(self, x, n, scale=2.0):
        self.steps.assign_add(1)
        i = 0
        while i < n:
            if ow.reduce_sum(x) > 10.0:
                x = x - 1.0
            else:
                x = x * scale
            i += 1
        return {"y": x, "more": [None, x + self.w[0, 1]]}


def grown(x, n):
    for _ in range(n):
        x = x - 1.0 if x.sum() > 10 else x * 2.0
    return x


@pytest.fixture
def saved(tmp_path):
    model = Model()
    model.grow(ow.ones([3]), ow.constant(2))
    path = ow.saved_model.save(model, tmp_path / "model", signatures=model.__call__)
    return model, path


def test_an_object_comes_back(saved):
    model, path = saved
    restored = ow.saved_model.load(path)
    x = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    np.testing.assert_array_equal(restored(x), x @ model.w.numpy())
    for n in (0, 1, 4):
        found = restored.grow(np.ones(3, np.float32), ow.constant(n))
        np.testing.assert_array_equal(found["y"], grown(np.ones(3), n))
        assert found["more"][0] is None
        np.testing.assert_array_equal(found["more"][1], grown(np.ones(3), n) + 1.0)
    assert int(restored.steps) == 4
    assert int(model.steps) == 1
    restored.w.assign_add(ow.ones([2, 3]))
    np.testing.assert_array_equal(restored(x), x @ (model.w.numpy() + 1))
    assert sorted(v.name for v in restored.trainable_variables) == ["Variable:0", "Variable:0", "w:0"]
    assert restored.rate == 0.5


def test_without_the_source(saved, tmp_path):
    client = tmp_path / "client.py"
    client.write_text(CLIENT)
    done = subprocess.run([sys.executable, str(client), str(saved[1])], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "[[3.0, 5.0, 7.0]]",
        str(grown(np.ones(3), 5).tolist()),
        "2 0.5 {'a': 'b'} [1.5, 2.5]",
        "[[6.0, 9.0, 12.0]]",
        "[4.0, 4.0, 4.0]",
    ]


def test_gradients_reach_restored_variables(saved):
    restored = ow.saved_model.load(saved[1])
    x = ow.constant([[1.0, 2.0]])
    with ow.GradientTape() as outer:
        outer.watch(x)
        with ow.GradientTape() as tape:
            y = ow.reduce_sum(restored(x) ** 2)
        (dw,) = tape.gradient(y, [restored.w])
        norm = ow.reduce_sum(dw)
    np.testing.assert_allclose(dw, 2 * x.numpy().T @ (x.numpy() @ restored.w.numpy()))
    assert outer.gradient(norm, x).shape == (1, 2)


def test_functions_alone(tmp_path):
    table = ow.constant([1.0, 2.0, 4.0])

    @ow.function
    def looked_up(i, words):
        return ow.gather(table, i), ow.strings.join([words, "!"])

    looked_up(ow.constant([0, 2]), ow.constant("a"))
    looked_up(ow.constant(1), ow.constant("b"))
    restored = ow.saved_model.load(ow.saved_model.save(looked_up, tmp_path / "f"))
    assert len(restored.concrete_functions()) == 2
    assert restored.signatures == {}
    x, word = restored(ow.constant(2), "hey")
    assert (float(x), word.numpy()) == (4.0, b"hey!")
    assert restored(ow.constant([1, 1]), words="hey")[0].numpy().tolist() == [2.0, 2.0]
    with pytest.raises(ArgumentError, match=r"arguments of 'looked_up' must be like those it was saved for, got"):
        restored(ow.constant([1, 1, 1]), "hey")
    with pytest.raises(GraphError, match="must be called eagerly, got a call inside a graph or function"):
        ow.function(restored)(ow.constant(1), "hey")


def test_signatures(tmp_path):
    f = ow.function(
        lambda x, y: {"sum": x + y}, input_signature=[ow.TensorSpec([None], name="a"), ow.TensorSpec([None])]
    )
    restored = ow.saved_model.load(ow.saved_model.save(f, tmp_path / "f"))
    signature = restored.signatures[ow.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY]
    assert list(signature.structured_input_signature) == ["a", "y"]
    assert signature(a=[1.0], y=[2.0])["sum"].numpy().tolist() == [3.0]
    with pytest.raises(ArgumentError, match=r"must be called with a=, y=, got a"):
        signature(a=[1.0])


def test_what_cannot_be_saved(tmp_path):
    with pytest.raises(ArgumentError, match=r"\[saved_model.save\] obj must be a module or a function, got <object"):
        ow.saved_model.save(object(), tmp_path / "m")
    untraced = ow.function(lambda x: x)
    with pytest.raises(
        ArgumentError, match=r"signature 'serving_default' must be a function with one trace, got .* with 0"
    ):
        ow.saved_model.save(Model(), tmp_path / "m", signatures=untraced)
    speaking = ow.function(lambda x: ow.py_func(lambda v: v, [x], "float32"))
    speaking(ow.constant(1.0))
    with pytest.raises(GraphError, match="attribute 'callback' must be numbers, strings or arrays to be saved"):
        ow.saved_model.save(speaking, tmp_path / "m")
    with pytest.warns(UserWarning, match="has no trace and is left out; call it first"):
        ow.saved_model.save(Model(), tmp_path / "m")
    with ow.Graph().as_default() as graph:
        ow.save(graph, tmp_path / "g")
    with pytest.raises(GraphError, match=r"\[saved_model.load\] export_dir must be what saved_model.save wrote"):
        ow.saved_model.load(tmp_path / "g")
