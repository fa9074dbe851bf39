"""Branches and loops, with the graphs inside them, saved and loaded: values, gradients, effects, a fresh process."""

import json
import subprocess
import sys

import numpy as np
import opwright as ow
import pytest
from opwright.errors import GraphError, PluginError


def power(x, n):
    """x ** n by a loop in which a branch keeps count, captured values and a variable included."""
    shift = ow.Variable(0.5, dtype="float64", name="shift")

    def body(i, y):
        grown = ow.cond(ow.equal(i % 2, 0), lambda: y * (x + shift), lambda: y * x + shift)
        return i + 1, grown

    return ow.while_loop(lambda i, y: i < n, body, [0, ow.ones_like(x)], maximum_iterations=10)[1]


def expected(x, n):
    y = np.ones_like(x)
    for i in range(n):
        y = y * (x + 0.5) if i % 2 == 0 else y * x + 0.5
    return y


@pytest.fixture
def saved(tmp_path):
    """The folder of a graph with a loop, a branch in it, and their gradients."""
    with ow.Graph().as_default(), ow.Session() as session:
        x = ow.placeholder("float64", [3], name="x")
        y = ow.identity(power(x, ow.placeholder("int32", [], name="n")), name="y")
        ow.identity(ow.gradients(y, x)[0], name="dy")
        session.run(ow.global_variables_initializer())
        return ow.save(session, tmp_path / "g")


def slope(x, n, h=1e-6):
    return (expected(x + h, n) - expected(x - h, n)) / (2 * h)


X = np.array([0.3, -1.2, 0.9])


def test_values_and_gradients_come_back(saved):
    with ow.load(saved) as session:
        for n in (0, 1, 4, 5):
            y, dy = session.run(["y:0", "dy:0"], {"x:0": X, "n:0": n})
            np.testing.assert_allclose(y, expected(X, n), rtol=1e-12)
            np.testing.assert_allclose(dy, slope(X, n), rtol=1e-6)


def test_what_was_loaded_can_be_differentiated_anew_and_twice(saved):
    with ow.load(saved) as session:
        graph = session.graph
        x, y = graph.get_tensor_by_name("x:0"), graph.get_tensor_by_name("y:0")
        (first,) = ow.gradients(y, x)
        (second,) = ow.gradients(first, x)
        made = session.run([first, second], {x: X, "n:0": 4})
        np.testing.assert_allclose(made[0], slope(X, 4), rtol=1e-6)
        h = 1e-4
        curve = (expected(X + h, 4) - 2 * expected(X, 4) + expected(X - h, 4)) / h**2
        np.testing.assert_allclose(made[1], curve, rtol=1e-5)


def test_it_can_be_saved_again(saved, tmp_path):
    ow.save(ow.load(saved), tmp_path / "again")
    first, second = (json.loads((path / "graph.json").read_text()) for path in (saved, tmp_path / "again"))
    assert first == second


def test_a_fresh_process_loads_it(saved):
    program = (
        "import sys, opwright as ow\n"
        "with ow.load(sys.argv[1]) as session:\n"
        "    made = session.run(['y:0', 'dy:0'], {'x:0': [0.3, -1.2, 0.9], 'n:0': 5})\n"
        "    print(*[float(v) for array in made for v in array])"
    )
    out = subprocess.run([sys.executable, "-c", program, str(saved)], capture_output=True, text=True, check=True)
    np.testing.assert_allclose(np.array(out.stdout.split(), float), [*expected(X, 5), *slope(X, 5)], rtol=1e-6)


def test_rows_folds_and_choices(tmp_path, rng):
    rows = rng.normal(size=(4, 3))
    with ow.Graph().as_default(), ow.Session() as session:
        x = ow.placeholder("float64", [None, 3], name="x")
        ow.identity(ow.map_fn(lambda row: row * ow.reduce_sum(row), x), name="mapped")
        ow.identity(ow.scan(lambda a, row: a + row, x), name="summed")
        ow.identity(ow.foldr(lambda a, row: a * 0.5 + row, x), name="folded")
        which = ow.placeholder("int32", [], name="which")
        ow.identity(ow.switch_case(which, [lambda: x * 2.0, lambda: x + 1.0]), name="chosen")
        ow.save(session, tmp_path / "g")
    with ow.load(tmp_path / "g") as session:
        made = session.run(["mapped:0", "summed:0", "folded:0", "chosen:0"], {"x:0": rows, "which:0": 1})
    folded = rows[3]
    for row in rows[2::-1]:
        folded = folded * 0.5 + row
    for got, want in zip(made, [rows * rows.sum(1, keepdims=True), rows.cumsum(0), folded, rows + 1], strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)


def test_effects_keep_their_order(tmp_path):
    with ow.Graph().as_default(), ow.Session() as session:
        total = ow.Variable(0.0, name="total")

        def body(i):
            added = total.assign_add(ow.cast(i, "float32"))
            with ow.control_dependencies([added]):
                return i + ow.cast(total * 0.0, "int32") + 1

        (last,) = ow.while_loop(lambda i: i < 5, body, [0], return_same_structure=True)
        ow.identity(last, name="last")
        session.run(total.initializer)
        ow.save(session, tmp_path / "g")
    with ow.load(tmp_path / "g") as session:
        assert session.run("last:0") == 5
        assert session.run("total:0") == 10
        assert session.run("last:0") == 5
        assert session.run("total:0") == 20


def test_training_goes_on(tmp_path, rng):
    """A recurrent net, saved in the middle of its training, takes the same steps as one that was not."""
    batch = {"x:0": rng.normal(size=(6, 4)).astype(np.float32)}
    with ow.Graph().as_default(), ow.Session() as session:
        x = ow.placeholder("float32", [6, 4], name="x")
        w = ow.Variable(np.eye(4, dtype=np.float32) * 0.9, name="w")
        state = ow.foldl(lambda h, row: ow.tanh(ow.matmul(h, w) + row), x, initializer=ow.zeros([1, 4]))
        ow.identity(ow.reduce_sum(ow.square(state - 0.25)), name="loss")
        ow.train.AdamOptimizer(0.05).minimize(session.graph.get_tensor_by_name("loss:0"), name="train")
        session.run(ow.global_variables_initializer())
        session.run("train", batch)
        ow.save(session, tmp_path / "g")
        want = [session.run(["loss:0", "train"], batch)[0] for _ in range(3)]
    with ow.load(tmp_path / "g") as session:
        assert [session.run(["loss:0", "train"], batch)[0] for _ in range(3)] == want
    assert want[2] < want[0]


def test_ops_inside_are_required_and_upgraded(saved):
    described = json.loads((saved / "graph.json").read_text())
    described["ops"]["equal"].update(version=7, dist="acme", dist_version="2")  # stands in the branch's graph alone
    (saved / "graph.json").write_text(json.dumps(described))
    with pytest.raises(PluginError, match=r"equal version 7 from acme 2 .*pip install 'acme>=2'"):
        ow.load(saved)


def test_what_cannot_be_saved_inside_is_named(tmp_path, graph):
    x = ow.placeholder("float32", [])
    ow.cond(x > 0, lambda: ow.py_func(lambda v: v, [x], "float32", name="mine"), lambda: x)
    with pytest.raises(GraphError, match=r"\[py_call\] attribute 'callback' must be numbers.*leave node 'mine'"):
        ow.save(graph, tmp_path / "g")
