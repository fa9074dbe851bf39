"""Which numbers which seeds give: TensorFlow 1's rules."""

import numpy as np
import opwright as ow
import pytest


@pytest.fixture(autouse=True)
def _restore():
    before = ow.eager.world.seed
    yield
    ow.eager.world.seed = before
    ow.eager.world._streams.clear()


def steps(session, tensor, n=3):
    return [session.run(tensor).tolist() for _ in range(n)]


def test_get_seed_in_a_graph(graph):
    assert ow.get_seed(None) == (None, None)
    assert ow.get_seed(5) == (87654321, 5)
    ow.set_random_seed(7)
    assert graph.seed == 7
    ow.constant(1.0)
    assert ow.get_seed(None) == (7, 1)
    assert ow.get_seed(5) == (7, 5)
    ow.set_random_seed(0)
    assert ow.get_seed(0) == (0, 2**31 - 1)  # (0, 0) would mean: none
    assert ow.get_seed(2**31 - 1 + 3) == (0, 3)


def test_a_stream_goes_on_from_run_to_run_and_starts_anew_in_a_new_session(graph):
    ow.set_random_seed(1)
    x = ow.random_uniform([3])
    with ow.Session() as session:
        first = steps(session, x)
    with ow.Session() as session:
        assert steps(session, x) == first
    assert len({tuple(v) for v in first}) == 3


def test_two_ops_differ_unless_they_have_the_same_seed(session):
    ow.set_random_seed(1)
    a, b, c, d = (
        ow.random_uniform([3]),
        ow.random_uniform([3]),
        ow.random_uniform([3], seed=9),
        ow.random_uniform([3], seed=9),
    )
    va, vb, vc, vd = (v.tolist() for v in session.run([a, b, c, d]))
    assert va != vb
    assert vc == vd
    assert vc != va


def test_the_same_program_gives_the_same_numbers_and_another_seed_others():
    def program(seed):
        with ow.Graph().as_default():
            ow.set_random_seed(seed)
            x = [ow.random_normal([2]), ow.truncated_normal([2]), ow.random_uniform([2], 0, 1 << 30, "int32")]
            with ow.Session() as session:
                return [v.tolist() for v in session.run(x)]

    assert program(5) == program(5)
    assert all(a != b for a, b in zip(program(5), program(6)))


def test_an_op_seed_alone_suffices():
    def program():
        with ow.Graph().as_default(), ow.Session() as session:
            ow.constant(0)
            return steps(session, ow.random_uniform([2], seed=42))

    assert program() == program()


def test_without_seeds_numbers_differ():
    with ow.Graph().as_default():
        x = ow.random_uniform([4])
        values = []
        for _ in range(2):
            with ow.Session() as session:
                values.append(session.run(x).tolist())
    assert values[0] != values[1]


def test_eager_seeds():
    def program():
        return [
            np.asarray(v).tolist()
            for v in (ow.random.uniform([3]), ow.random.uniform([2]), ow.random.uniform([3], seed=5))
        ]

    ow.random.set_seed(11)
    first = program()
    again = program()
    ow.random.set_seed(11)
    assert program() == first
    assert again != first
    ow.random.set_seed(12)
    assert program() != first


def test_stateless_ops_repeat_themselves():
    with ow.Graph().as_default(), ow.Session() as session:
        seed = ow.placeholder("int64", [2])
        x = ow.stateless_random_normal([4], seed)
        a, b, c = (session.run(x, {seed: s}).tolist() for s in ((1, 2), (1, 2), (2, 1)))
    assert a == b
    assert a != c
    assert np.asarray(ow.stateless_random_normal([4], [1, 2])).tolist() == a
