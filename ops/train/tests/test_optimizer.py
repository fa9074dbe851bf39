"""What all optimizers have in common: minimize, names, slots, hyper-parameters, errors, order within a step."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, DTypeError, OutOfRangeError, ShapeError

train = ow.train


def test_minimize_finds_the_line(session):
    rng = np.random.default_rng(0)
    x_data = rng.random(100).astype(np.float32)
    w, b = ow.Variable(ow.zeros([1])), ow.Variable(ow.zeros([1]))
    loss = ow.reduce_mean(ow.square(w * x_data + b - (x_data * 0.1 + 0.3)))
    step = train.GradientDescentOptimizer(0.5).minimize(loss)
    session.run(ow.global_variables_initializer())
    for _ in range(200):
        assert session.run(step) is None
    np.testing.assert_allclose(session.run([w, b]), [[0.1], [0.3]], atol=1e-3)


def test_names_are_tensorflows(graph):
    w, b = ow.Variable([1.0], name="w"), ow.Variable(2.0, name="layer/b")
    loss = ow.reduce_sum(w) * b
    adam = train.AdamOptimizer()
    step = adam.minimize(loss)
    assert (step.name, step.type) == ("Adam", "no_op")
    assert adam.get_name() == "Adam"
    assert adam.get_slot_names() == ["m", "v"]
    assert [v.name for v in adam.variables()] == [
        "beta1_power:0",
        "beta2_power:0",
        "layer/b/Adam:0",
        "layer/b/Adam_1:0",
        "w/Adam:0",
        "w/Adam_1:0",
    ]
    assert adam.get_slot(w, "m").name == "w/Adam:0"
    assert adam.get_slot(w, "v").name == "w/Adam_1:0"
    assert adam.get_slot(w, "momentum") is None
    assert ow.trainable_variables() == [w, b]
    assert set(adam.variables()) < set(ow.global_variables())
    again = train.AdamOptimizer().minimize(loss)
    assert again.name == "Adam_1"
    assert graph.get_collection("train_op") == [step, again]
    momentum = train.MomentumOptimizer(0.1, 0.9, name="Mine")
    assert momentum.minimize(loss, name="once").name == "once"
    assert momentum.get_slot(b, "momentum").name == "layer/b/Mine:0"


def test_the_loss_is_that_before_the_step_and_the_count_rises_after(session):
    w, count = ow.Variable(4.0), ow.Variable(0, trainable=False)
    loss = w * w
    step = train.GradientDescentOptimizer(1.0 / (1.0 + ow.cast(count, "float32"))).minimize(loss, global_step=count)
    session.run(ow.global_variables_initializer())
    found = [session.run([loss, count, step])[:2] for _ in range(3)]
    # w: 4, 4 - 8 = -4, -4 + 8 / 2 = 0, 0
    assert found == [[16.0, 0], [16.0, 1], [0.0, 2]]
    assert (session.run(w), session.run(count)) == (0.0, 3)


def test_hyper_parameters_of_every_kind(session):
    fed = ow.placeholder("float32", [])
    kinds = {
        "number": 0.5,
        "numpy": np.float64(0.5),
        "function": lambda: 0.5,
        "tensor of another dtype": ow.constant(0.5, "float64"),
        "placeholder": fed,
        "variable": ow.Variable(0.5, trainable=False),
    }
    for kind, rate in kinds.items():
        w = ow.Variable([1.0, 2.0])
        step = train.MomentumOptimizer(rate, rate).apply_gradients([(ow.constant([1.0, 1.0]), w)])
        session.run(ow.global_variables_initializer())
        for _ in range(2):
            session.run(step, {fed: 0.5})
        assert session.run(w).tolist() == [-0.25, 0.75], kind


def test_variables_of_several_dtypes_share_a_step(session):
    a, b = ow.Variable([1.0], dtype="float32"), ow.Variable([1.0], dtype="float64")
    step = train.AdamOptimizer(0.5).minimize(ow.reduce_sum(a) + ow.cast(ow.reduce_sum(b), "float32"))
    session.run(ow.global_variables_initializer())
    for _ in range(3):
        session.run(step)
    # 1 - beta2 = 0.001 has 4 digits in float32.
    np.testing.assert_allclose(session.run(a), session.run(b), rtol=1e-4)
    assert len([op for op in session.graph.get_operations() if op.type == "update_powers"]) == 1


def test_some_variables_without_a_gradient(session):
    used, unused = ow.Variable(1.0), ow.Variable(5.0)
    optimizer = train.GradientDescentOptimizer(1.0)
    pairs = optimizer.compute_gradients(used * 2.0)
    assert [v for _, v in pairs] == [used, unused]
    assert pairs[1][0] is None
    step = optimizer.apply_gradients([(None if g is None else g * 2.0, v) for g, v in pairs])
    session.run(ow.global_variables_initializer())
    session.run(step)
    assert session.run([used, unused]) == [-3.0, 5.0]


def test_a_list_of_variables_chooses(session):
    a, b = ow.Variable(1.0), ow.Variable(1.0)
    step = train.GradientDescentOptimizer(1.0).minimize(a * b * 3.0, var_list=[b], grad_loss=2.0)
    session.run(ow.global_variables_initializer())
    session.run(step)
    assert session.run([a, b]) == [1.0, -5.0]


def test_no_gradients_at_all(graph):
    w, other = ow.Variable(1.0, name="w"), ow.Variable(1.0, name="other")
    optimizer = train.GradientDescentOptimizer(1.0)
    with pytest.raises(
        ValueError, match=r"\[minimize\] loss must depend on a variable to optimize, got .* and other:0"
    ):
        optimizer.minimize(w * 2.0, var_list=[other])
    with pytest.raises(ValueError, match=r"\[apply_gradients\] a variable must have a gradient, got none for w:0"):
        optimizer.apply_gradients([(None, w)])
    with pytest.raises(ValueError, match="got none for no variables"):
        optimizer.apply_gradients([])
    with pytest.raises(ArgumentError, match="only variables can be optimized, got 3"):
        optimizer.minimize(w, var_list=[3])
    with ow.Graph().as_default(), pytest.raises(ArgumentError, match="there must be variables to optimize, got none"):
        optimizer.minimize(ow.constant(1.0))


def test_arguments_are_checked(graph):
    with pytest.raises(ArgumentError, match=r"\[Adagrad\] initial_accumulator_value must be positive, got 0"):
        train.AdagradOptimizer(0.1, 0.0)
    with pytest.raises(ArgumentError, match=r"\[Ftrl\] learning_rate_power must not be positive, got 0.5"):
        train.FtrlOptimizer(0.1, 0.5)
    with pytest.raises(ArgumentError, match=r"\[Ftrl\] l1_regularization_strength must not be negative, got -1"):
        train.FtrlOptimizer(0.1, l1_regularization_strength=-1)
    with pytest.raises(ArgumentError, match="name must be given"):
        train.GradientDescentOptimizer(0.1, name="")
    with pytest.raises(ArgumentError, match="gate_gradients must be one of"):
        train.GradientDescentOptimizer(0.1).minimize(ow.Variable(1.0), gate_gradients=7)
    w = ow.Variable([1.0, 2.0])
    with pytest.raises(ShapeError, match=r"grads\[0\] must have the variable's shape \(2,\), got \(3,\)"):
        train.GradientDescentOptimizer(0.1).apply_gradients([([1.0, 2.0, 3.0], w)])
    with pytest.raises(DTypeError, match="must be float32, got float64"):
        train.GradientDescentOptimizer(0.1).apply_gradients([(ow.constant([1.0, 2.0], "float64"), w)])
    slices = ow.IndexedSlices(ow.constant([1.0, 2.0, 3.0]), ow.constant([0, 1]))
    with pytest.raises(ShapeError, match=r"grad must have shape \(2,\), got \(3,\)"):
        train.GradientDescentOptimizer(0.1).apply_gradients([(slices, w)])


@pytest.mark.parametrize("bad", [4, -1])
def test_a_bad_index_leaves_everything_as_it_was(session, bad):
    w = ow.Variable(np.ones((4, 3), np.float32))
    indices = ow.placeholder("int32", [2])
    optimizer = train.MomentumOptimizer(0.1, 0.9)
    step = optimizer.apply_gradients([(ow.IndexedSlices(ow.ones([2, 3]), indices), w)])
    session.run(ow.global_variables_initializer())
    with pytest.raises(OutOfRangeError, match=rf"\[sparse_apply_momentum\] indices must lie in \[0, 4\), got {bad}"):
        session.run(step, {indices: [0, bad]})
    assert session.run(w).tolist() == [[1.0] * 3] * 4
    assert not session.run(optimizer.get_slot(w, "momentum")).any()


def test_the_gradient_of_a_gather_stays_sparse(session):
    table = ow.Variable(np.arange(8.0).reshape(4, 2))
    loss = ow.reduce_sum(ow.gather(table, [1, 3, 1]) * 2.0)
    step = train.GradientDescentOptimizer(0.5).minimize(loss)
    assert [op.type for op in session.graph.get_operations() if "apply" in op.type] == ["sparse_apply_gradient_descent"]
    session.run(ow.global_variables_initializer())
    session.run(step)
    assert session.run(table).tolist() == [[0, 1], [0, 1], [4, 5], [5, 6]]


def test_gating_the_whole_graph(session):
    a, b = ow.Variable(1.0), ow.Variable(2.0)
    optimizer = train.GradientDescentOptimizer(1.0)
    pairs = optimizer.compute_gradients(a * b, gate_gradients=optimizer.GATE_GRAPH)
    step = optimizer.apply_gradients(pairs)
    session.run(ow.global_variables_initializer())
    session.run(step)
    assert session.run([a, b]) == [-1.0, 1.0]


def test_constraints_are_applied_after_the_step(session):
    w = ow.Variable([1.0, -1.0], constraint=lambda v: ow.maximum(v, 0.0))
    free = ow.Variable([1.0])
    step = train.GradientDescentOptimizer(1.0).minimize(ow.reduce_sum(w) * 2.0 + ow.reduce_sum(free))
    session.run(ow.global_variables_initializer())
    session.run(step)
    assert session.run(w).tolist() == [0.0, 0.0]
    assert session.run(free).tolist() == [0.0]


def test_a_variable_given_twice_is_changed_twice(session):
    w = ow.Variable([1.0])
    step = train.GradientDescentOptimizer(1.0).apply_gradients([([1.0], w), ([2.0], w)])
    session.run(ow.global_variables_initializer())
    session.run(step)
    assert session.run(w).tolist() == [-2.0]


def test_slots_of_a_variable_of_open_shape(session):
    w = ow.Variable(np.ones(3, np.float32), validate_shape=False)
    x = ow.placeholder("float32", [None])
    step = train.MomentumOptimizer(1.0, 0.5).apply_gradients([(x, w)])
    session.run(ow.global_variables_initializer())
    for _ in range(2):
        session.run(step, {x: [1.0, 2.0, 3.0]})
    np.testing.assert_allclose(session.run(w), 1 - 2.5 * np.array([1, 2, 3]))


def test_an_optimizer_of_ones_own(session):
    class SignDescent(train.Optimizer):
        def __init__(self, rate):
            super().__init__(False, "SignDescent")
            self._rate = rate

        def _create_slots(self, var_list):
            for v in var_list:
                self._zeros_slot(v, "count", self._name)

        def _apply_dense(self, grad, var):
            count = self.get_slot(var, "count").assign_add(ow.ones_like(var))
            return ow.group(var.assign_sub(self._rate * ow.sign(grad)), count)

    w = ow.Variable([1.0, -1.0])
    mine = SignDescent(0.25)
    step = mine.minimize(ow.reduce_sum(w * w))
    session.run(ow.global_variables_initializer())
    for _ in range(3):
        session.run(step)
    assert session.run(w).tolist() == [0.25, -0.25]
    assert session.run(mine.get_slot(w, "count")).tolist() == [3.0, 3.0]
    with pytest.raises(NotImplementedError, match="must define _apply_sparse"):
        mine.apply_gradients([(ow.IndexedSlices(ow.constant([1.0]), ow.constant([0])), w)])


def test_eager_minimize():
    w = ow.Variable([4.0, 2.0], name="w")
    momentum, count = train.MomentumOptimizer(0.25, 0.5), ow.Variable(0)
    for _ in range(2):
        assert momentum.minimize(lambda: ow.reduce_sum(w * w), global_step=count, var_list=[w]) is None
    # gradients 8, 4; then 4, 2 and half of the first
    assert w.numpy().tolist() == [0.0, 0.0]
    assert momentum.get_slot(w, "momentum").numpy().tolist() == [8.0, 4.0]
    assert [v.name for v in momentum.variables()] == ["w/Momentum:0"]
    assert int(count) == 2
    with pytest.raises(ArgumentError, match="there must be variables to optimize, got none; pass var_list"):
        momentum.minimize(lambda: ow.reduce_sum(w))


def test_the_same_optimizer_in_two_graphs():
    adam = train.AdamOptimizer(0.5)
    for _ in range(2):
        with ow.Graph().as_default(), ow.Session() as session:
            w = ow.Variable(1.0)
            step = adam.minimize(w * 2.0)
            session.run(ow.global_variables_initializer())
            session.run(step)
            assert abs(session.run(w) - 0.5) < 1e-5
            assert len(adam.variables()) == 4
