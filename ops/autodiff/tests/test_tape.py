"""GradientTape: what it records, what it gives, and the errors of those who ask it wrongly."""

import gc
import math

import numpy as np
import opwright as ow
import pytest
from opwright.errors import DTypeError, GradientError, ShapeError


def test_the_seed_programs():
    w = ow.Variable(2.0, name="w")
    with ow.GradientTape() as tape:
        y = ow.sqrt(ow.exp(w) + 1)
    assert float(tape.gradient(y, w)) == pytest.approx(math.exp(2) / (2 * math.sqrt(math.exp(2) + 1)), rel=1e-6)
    x = ow.constant(3.0)
    with ow.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * x
        z = y * y
    assert float(tape.gradient(z, x)) == 108.0
    assert float(tape.gradient(y, x)) == 6.0
    ones = ow.ones((2, 2))
    with ow.GradientTape() as tape:
        tape.watch(ones)
        total = ow.reduce_sum(ones)
        product = ow.multiply(total, total)
    assert np.asarray(tape.gradient(product, ones)).tolist() == [[8.0, 8.0], [8.0, 8.0]]


def test_a_tape_that_is_asked_twice_says_so():
    x = ow.constant(1.0)
    with ow.GradientTape() as tape:
        tape.watch(x)
        y = x * x
    tape.gradient(y, x)
    for ask in (tape.gradient, tape.jacobian, tape.batch_jacobian):
        with pytest.raises(GradientError, match=r"gives one gradient.*persistent=True"):
            ask(y, x)


def test_integers_have_no_gradient():
    x = ow.constant([1, 2])
    tape = ow.GradientTape()
    with pytest.raises(DTypeError, match="only floating tensors can be watched, got int32; cast it"):
        tape.watch(x)
    w = ow.Variable([1.5, 2.5])
    with ow.GradientTape(persistent=True) as tape:
        n = ow.cast(w, "int32") * 2
        y = ow.cast(n, "float32") * w
    with pytest.raises(DTypeError, match="targets must be floating, got int32"):
        tape.gradient(n, w)
    assert tape.gradient(y, w).numpy().tolist() == [2.0, 4.0]  # what passes through integers is lost
    assert tape.gradient(y, n) is None


def test_nested_tapes_give_higher_orders():
    x = ow.Variable(2.0)
    with ow.GradientTape() as third:
        with ow.GradientTape() as second:
            with ow.GradientTape() as first:
                y = x**4
            dy = first.gradient(y, x)
        d2y = second.gradient(dy, x)
    assert float(dy) == 32.0
    assert float(d2y) == 48.0
    assert float(third.gradient(d2y, x)) == 48.0


def test_a_gradient_in_the_block_of_a_persistent_tape_can_be_differentiated():
    x = ow.constant(3.0)
    with ow.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * x * x
        dy = tape.gradient(y, x)
    assert float(tape.gradient(dy, x)) == 18.0


def test_stop_recording_and_reset():
    x = ow.constant(3.0)
    with ow.GradientTape() as tape:
        tape.watch(x)
        y = x * x
        with tape.stop_recording():
            unseen = x * y
        z = y + unseen
    assert float(tape.gradient(z, x)) == 6.0
    with ow.GradientTape() as tape:
        tape.watch(x)
        y = x * x
        tape.reset()
        tape.watch(x)
        z = y * x
    assert float(tape.gradient(z, x)) == 9.0
    with pytest.raises(GradientError, match="must be recording"), tape.stop_recording():
        pass
    with ow.GradientTape() as tape:
        with pytest.raises(GradientError, match="recording already"):
            tape.__enter__()


def test_unconnected_gradients():
    x, other = ow.constant(1.0), ow.constant([1.0, 2.0])
    with ow.GradientTape(persistent=True) as tape:
        tape.watch([x, other])
        y = x * 2.0
    assert tape.gradient(y, other) is None
    for zero in ("zero", ow.UnconnectedGradients.ZERO):
        assert tape.gradient(y, other, unconnected_gradients=zero).numpy().tolist() == [0.0, 0.0]
    assert tape.gradient(y, other, unconnected_gradients=ow.UnconnectedGradients.NONE) is None


def test_sources_keep_their_structure():
    a, b = ow.Variable(2.0), ow.Variable(3.0)
    with ow.GradientTape(persistent=True) as tape:
        y = a * b
    found = tape.gradient(y, {"a": a, "rest": (b, [a])})
    assert float(found["a"]) == 3.0
    assert [float(found["rest"][0]), float(found["rest"][1][0])] == [2.0, 3.0]
    assert isinstance(found["rest"], tuple)


def test_output_gradients_weight_the_targets():
    x = ow.constant([1.0, 2.0])
    with ow.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y, z = x * x, 3.0 * x
    assert tape.gradient(y, x, output_gradients=ow.constant([10.0, 1.0])).numpy().tolist() == [20.0, 4.0]
    assert tape.gradient([y, z], x, output_gradients=[ow.constant([1.0, 0.0]), None]).numpy().tolist() == [5.0, 3.0]
    with pytest.raises(ShapeError, match=r"shape \(2,\) of the target, got \(3,\)"):
        tape.gradient(y, x, output_gradients=ow.ones([3]))
    with pytest.raises(ShapeError, match="one item for each target, got 1"):
        tape.gradient([y, z], x, output_gradients=[ow.ones([2])])


def test_variables_are_watched_by_themselves():
    v, frozen = ow.Variable(2.0), ow.Variable(3.0, trainable=False)
    with ow.GradientTape(persistent=True) as tape:
        y = v * frozen
    assert [w is v for w in tape.watched_variables()] == [True]
    assert float(tape.gradient(y, v)) == 3.0
    assert tape.gradient(y, frozen) is None
    with ow.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(frozen)
        y = v * frozen
    found = tape.gradient(y, [v, frozen])
    assert found[0] is None
    assert float(found[1]) == 2.0


def test_a_variable_is_what_it_was_when_it_was_read():
    v = ow.Variable([2.0, 3.0])
    with ow.GradientTape() as tape:
        y = v * v
        v.assign([10.0, 10.0])
        z = y + v * v
    assert tape.gradient(z, v).numpy().tolist() == [24.0, 26.0]
    v = ow.Variable(np.ones(1000, np.float32))
    memory = v.ref.storage
    with ow.GradientTape() as tape:
        y = v * v
    v_gradient = tape.gradient(y, v)
    v.assign_sub(v_gradient)
    assert v.ref.storage is memory  # nobody needs what it was any more, so it is written in place
    assert v.numpy().tolist() == [-1.0] * 1000


def test_no_gradient_passes_through_an_assignment():
    v = ow.Variable(1.0)
    x = ow.constant(3.0)
    with ow.GradientTape() as tape:
        tape.watch(x)
        v.assign(x * 2.0)
        y = v * x
    found = tape.gradient(y, [x, v])
    assert [float(g) for g in found] == [6.0, 3.0]


def test_jacobians():
    x = ow.constant([[1.0, 2.0], [3.0, 4.0]])
    weights = np.array([[1.0, -1.0, 2.0], [0.5, 3.0, -2.0]], np.float32)
    with ow.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = ow.matmul(x * x, weights)
    full = tape.jacobian(y, x).numpy()
    wanted = np.zeros((2, 3, 2, 2))
    for i, j in np.ndindex(2, 3):
        wanted[i, j, i] = 2 * np.asarray(x)[i] * weights[:, j]
    np.testing.assert_allclose(full, wanted)
    by_row = tape.batch_jacobian(y, x).numpy()
    np.testing.assert_allclose(by_row, np.stack([wanted[i, :, i] for i in range(2)]))
    assert tape.jacobian(y, ow.constant(1.0)) is None
    assert tape.jacobian(y, ow.constant(1.0), unconnected_gradients="zero").shape == (2, 3)
    with pytest.raises(ShapeError, match="as many rows"):
        tape.batch_jacobian(y, ow.ones([3, 2]))
    with ow.GradientTape() as tape:
        tape.watch(x)
        empty = x[:0]
    assert tape.jacobian(empty, x).shape == (0, 2, 2, 2)


def test_a_tape_gives_back_what_it_held():
    x = ow.Variable(np.ones(10, np.float32))
    with ow.GradientTape() as tape:
        y = x * x
    tape.gradient(y, x)
    del y
    gc.collect()
    assert x.ref._snapshot() is None


def test_a_tape_in_a_graph_builds_gradients_into_it():
    with ow.Graph().as_default(), ow.Session() as session:
        x = ow.placeholder("float32", [])
        with ow.GradientTape() as tape:
            tape.watch(x)
            y = x * x * x
        dy = tape.gradient(y, x)
        assert session.run(dy, {x: 2.0}) == 12.0
        with pytest.raises(GradientError, match="gives one gradient"):
            tape.gradient(y, x)


def test_what_is_no_tensor_is_refused():
    with ow.GradientTape() as tape:
        pass
    with pytest.raises(GradientError, match="a tensor or variable is needed, got 3"):
        tape.gradient(3, ow.constant(1.0))
