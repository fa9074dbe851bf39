"""Generators: what follows from a seed, and what differs."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError

Generator = ow.random.Generator


def test_a_seed_fixes_the_numbers():
    a, b = Generator.from_seed(7), Generator.from_seed(7)
    drawn = [a.normal([3]), a.normal([3]), a.uniform([3]), a.truncated_normal([3])]
    again = [b.normal([3]), b.normal([3]), b.uniform([3]), b.truncated_normal([3])]
    assert [x.tolist() for x in drawn] == [x.tolist() for x in again]
    assert drawn[0].tolist() != drawn[1].tolist()
    assert Generator.from_seed(8).normal([3]).tolist() != drawn[0].tolist()
    assert Generator.from_seed(2**70).normal([1]).shape == (1,)
    assert a.uniform([4], 2, 5, "int32").dtype.name == "int32"


def test_distributions():
    g = Generator.from_seed(1)
    x = g.normal([100_000], 2.0, 3.0, "float64").numpy()
    assert x.mean() == pytest.approx(2.0, abs=0.05)
    assert x.std() == pytest.approx(3.0, abs=0.05)
    u = g.uniform([100_000], -1.0, 1.0).numpy()
    assert -1 <= u.min() < u.max() < 1
    assert u.mean() == pytest.approx(0.0, abs=0.02)
    assert np.abs(g.truncated_normal([10_000]).numpy()).max() <= 2


def test_states():
    g = Generator.from_seed(3)
    g.normal([2])
    other = Generator.from_state(g.state)
    assert other.normal([2]).tolist() == g.normal([2]).tolist()
    skipped = Generator.from_seed(3)
    skipped.skip(2)
    assert skipped.normal([2]).tolist() == g.normal([2]).tolist()
    g.reset_from_seed(3)
    assert g.state.numpy().tolist() == [3, 0]
    g.reset([5, 1])
    assert g.state.numpy().tolist() == [5, 1]
    with pytest.raises(ArgumentError, match=r"state must hold two int64, got shape \(3,\); use from_seed"):
        Generator([1, 2, 3])


def test_split_and_seeds():
    parts = Generator.from_seed(1).split(3)
    numbers = [p.normal([2]).tolist() for p in parts]
    assert len({tuple(n) for n in numbers}) == 3
    seeds = Generator.from_seed(1).make_seeds(4)
    assert seeds.shape == (2, 4)
    assert ow.random.stateless_normal([2], seeds[:, 0]).shape == (2,)


def test_the_global_generator():
    ow.random.set_global_generator(Generator.from_seed(2))
    first = ow.random.get_global_generator().normal([2]).tolist()
    assert first == Generator.from_seed(2).normal([2]).tolist()
    assert (
        Generator.from_non_deterministic_state().normal([4]).tolist()
        != Generator.from_non_deterministic_state().normal([4]).tolist()
    )


def test_in_a_graph_runs_go_on():
    with ow.Graph().as_default(), ow.Session() as session:
        g = Generator.from_seed(7)
        a, b = g.normal([3]), g.normal([3])
        session.run(ow.global_variables_initializer())
        first, second = session.run([a, b]), session.run([a, b])
    eager = Generator.from_seed(7)
    wanted = [eager.normal([3]).tolist() for _ in range(4)]
    assert [x.tolist() for x in (*first, *second)] == wanted


def test_shuffles():
    x = np.arange(20).reshape(10, 2)
    ow.random.set_seed(1)
    found = ow.random.shuffle(x).numpy()
    assert found.tolist() != x.tolist()
    assert sorted(found.tolist()) == x.tolist()
    ow.random.set_seed(1)
    assert ow.random.shuffle(x).numpy().tolist() == found.tolist()
    by_seed = ow.random.stateless_shuffle(x, [1, 2]).numpy()
    assert by_seed.tolist() == ow.random.stateless_shuffle(x, [1, 2]).numpy().tolist()
    assert sorted(by_seed.tolist()) == x.tolist()
    columns = ow.random.stateless_shuffle(x.T, [1, 2], axis=-1).numpy()
    assert columns.T.tolist() == by_seed.tolist()
