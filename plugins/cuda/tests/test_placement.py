"""Sessions with nodes on a GPU: placement, copies, generated kernels, variables, errors, on the fake GPU."""

import threading

import numpy as np
import opwright as ow
import pytest
from opwright.errors import InternalError, InvalidArgumentError
from opwright.session import Session


def test_elementwise_nodes_run_there_as_one_kernel(graph, session, fake, fake_cuda):
    x = ow.placeholder("float32", [None, 3])
    with graph.device(fake):
        y = ow.exp(x * 2.0) + 1.0
    z = y * 10.0
    at = np.float32([[0, 1, 2], [3, 4, 5]])
    launches = fake_cuda.count("cuLaunchKernel")
    found = session.run([y, z], {x: at})
    np.testing.assert_allclose(found[0], np.exp(at * 2) + 1, rtol=1e-6)
    np.testing.assert_allclose(found[1], 10 * (np.exp(at * 2) + 1), rtol=1e-6)
    assert fake_cuda.count("cuLaunchKernel") == launches + 1


def test_a_kernel_serves_all_sizes(graph, session, fake, fake_device):
    x = ow.placeholder("float32", [None, None])
    with graph.device(fake):
        y = ow.atan(x) * 3.0
    for shape in ((2, 3), (5, 700), (1, 1), (0, 4), (3, 0)):
        at = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
        np.testing.assert_allclose(session.run(y, {x: at}), np.arctan(at) * 3, rtol=1e-6)
    assert sum("ow_atan_multiply" in s for s in fake_device.compiler.sources) == 1


def test_operands_broadcast_and_views_stay_views(graph, session, fake, rng):
    x = ow.placeholder("float64", [4, 5, 6])
    row, column, cube = rng.normal(size=6), rng.normal(size=(5, 1)), rng.normal(size=(4, 5, 6))
    with graph.device(fake):
        turned = ow.transpose(x, [2, 0, 1])
        y = x * row + column - ow.transpose(turned * 2.0, [1, 2, 0])[:, ::-1]
    want = cube * row + column - (cube * 2)[:, ::-1]
    np.testing.assert_allclose(session.run(y, {x: cube}), want, rtol=1e-12)


def test_a_strided_view_is_copied_dense_before_it_leaves(graph, session, fake, rng):
    x = ow.placeholder("float32", [40, 50])
    with graph.device(fake):
        y = ow.transpose(x * 1.5)
        part = (x + 1.0)[::-2, 3:7]
    at = rng.normal(size=(40, 50)).astype(np.float32)
    found = session.run([y, part], {x: at})
    np.testing.assert_array_equal(found[0], (at * np.float32(1.5)).T)
    np.testing.assert_array_equal(found[1], (at + 1)[::-2, 3:7])


def test_views_made_on_the_host_arrive_dense(graph, session, fake, rng):
    x = ow.placeholder("float32", [6, 7])
    turned = ow.transpose(x)[::2]
    with graph.device(fake):
        y = turned - 1.0
    at = rng.normal(size=(6, 7)).astype(np.float32)
    np.testing.assert_array_equal(session.run(y, {x: at}), at.T[::2] - 1)


def test_small_integer_constants_go_there_too(graph, session, fake):
    x = ow.placeholder("int32", [3])
    with graph.device(fake):
        y = (x + np.int32([1, 2, 3])) * 2
    np.testing.assert_array_equal(session.run(y, {x: [10, 20, 30]}), [22, 44, 66])


def test_without_passes_the_result_is_the_same(graph, session, fake, rng, monkeypatch):
    x = ow.placeholder("float32", [8, 9])
    with graph.device(fake):
        y = ow.tanh(ow.transpose(x) + ow.reshape(x, [9, 8]))
    at = rng.normal(size=(8, 9)).astype(np.float32)
    planned = session.run(y, {x: at})
    monkeypatch.setenv("OPWRIGHT_PLAN", "reference")
    with Session(graph=graph) as plain:
        np.testing.assert_array_equal(plain.run(y, {x: at}), planned)


def test_variables_live_there(graph, session, fake_kernels):
    fake = fake_kernels("state")
    with graph.device(fake):
        v = ow.Variable(np.float32([1, 2]), name="v")
        step = ow.assign_add(v, v * 2.0)
    session.run(ow.global_variables_initializer())
    assert session.variables(v.op, None)[0][0].device == fake
    np.testing.assert_array_equal(session.run(step), [3, 6])
    np.testing.assert_array_equal(session.run([v, step]), [[3, 6], [9, 18]])
    np.testing.assert_array_equal(session.run(v + 0.5), [9.5, 18.5])
    with graph.control_dependencies([step]):
        after = v + 0.0
    before = v * 1.0
    np.testing.assert_array_equal(session.run([before, after]), [[9, 18], [27, 54]])


def test_threads_share_a_session(graph, session, fake, rng):
    x = ow.placeholder("float32", [100])
    with graph.device(fake):
        y = ow.exp(x) - 1.0
    wrong = []

    def work(number):
        at = np.full(100, number / 10, np.float32)
        for _ in range(20):
            if not np.allclose(session.run(y, {x: at}), np.exp(at) - 1, rtol=1e-5):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []


@pytest.mark.parametrize("function", ["cuLaunchKernel", "cuMemcpyHtoDAsync_v2", "cuStreamSynchronize"])
def test_what_the_driver_refuses_is_an_error_that_names_the_node(graph, session, fake, fake_cuda, function):
    x = ow.placeholder("float32", [3], name="x")
    with graph.device(fake):
        y = ow.exp(x, name="grow")
    session.run(y, {x: [1, 2, 3]})
    fake_cuda.fail(function, 700)
    with pytest.raises(InternalError, match=r"CUDA: .* failed: as told \(700\)"):
        session.run(y, {x: [1, 2, 3]})
    np.testing.assert_allclose(session.run(y, {x: [0, 0, 0]}), [1, 1, 1])


def test_an_op_without_a_kernel_says_so(graph, session, fake):
    x = ow.placeholder("float32", [3], name="x")
    with graph.device(fake):
        y = ow.sort(x)
    with pytest.raises(InvalidArgumentError, match="there must be a kernel for fake:0, got none"):
        session.run(y, {x: [1, 2, 3]})
