"""matmul forced through oneDNN and through the portable kernel: both give the same, in every slice, layout and epilogue."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import opwright as ow
import opwright_onednn
import pytest
from opwright._abi import ffi
from opwright.errors import LibraryError
from opwright.kernels import Kernels
from opwright.plan import flags
from opwright.plan.spec import Spec
from opwright.plan.step import Step
from opwright.runtime import package_files

pytestmark = pytest.mark.skipif(
    not package_files(opwright_onednn.__path__, "libonednn_cpu*.so"), reason="opwright was built without oneDNN"
)


@pytest.fixture
def forced(force_kernels):
    """Call it with a variant's name: from then on that kernel serves matmul, whatever the others score."""
    return lambda variant: force_kernels(variant, "matmul")


def _both(forced, a, b, constant=False, **flags_of):
    """The product by either kernel, in a session of its own, with an epilogue."""
    results = []
    for variant in ("onednn", "portable"):
        forced(variant)
        with ow.Graph().as_default() as graph, ow.Session(graph=graph) as session:
            fed = ow.placeholder("float32", a.shape)
            other = ow.constant(b) if constant else ow.placeholder("float32", b.shape)
            y = ow.maximum(ow.matmul(fed, other, **flags_of), 1.0)
            feeds = {fed: a} if constant else {fed: a, other: b}
            results += [session.run(y, feeds), session.run(y, feeds)]
    return results


@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize(("ta", "tb"), [(False, False), (False, True), (True, False), (True, True)])
@pytest.mark.parametrize(("m", "k", "n"), [(1, 40, 30), (50, 300, 700), (700, 300, 70), (3, 1, 5), (129, 64, 1)])
def test_both_kernels_agree(m, k, n, ta, tb, constant, forced, rng):
    a = rng.integers(-4, 5, (k, m) if ta else (m, k)).astype(np.float32)
    b = rng.integers(-4, 5, (n, k) if tb else (k, n)).astype(np.float32)
    want = np.maximum((a.T if ta else a) @ (b.T if tb else b), 1)
    for found in _both(forced, a, b, constant, transpose_a=ta, transpose_b=tb):
        np.testing.assert_array_equal(found, want)  # sums of small integers are exact


def test_rows_of_several_matrices(forced, rng):
    a, b = rng.integers(-4, 5, (4, 30, 20)).astype(np.float32), rng.integers(-4, 5, (20, 9)).astype(np.float32)
    for found in _both(forced, a, b):
        np.testing.assert_array_equal(found, np.maximum(a @ b, 1))


def test_what_it_cannot_do_goes_to_the_portable_kernel(rng, graph, session):
    a, b = rng.integers(-4, 5, (3, 4, 6)).astype(np.float32), rng.integers(-4, 5, (3, 6, 5)).astype(np.float32)
    fed = ow.placeholder("float32", a.shape)
    np.testing.assert_array_equal(session.run(ow.matmul(fed, b), {fed: a}), a @ b)
    assert _chosen(ow.matmul(fed, ow.constant(b)), fed, session) == "portable"


def test_it_is_chosen_where_it_is_faster(rng, graph, session):
    weights = ow.constant(rng.normal(size=(1024, 1024)).astype(np.float32))
    x = ow.placeholder("float32", (64, 1024))
    assert _chosen(ow.matmul(x, weights), x, session) == "onednn"
    small = ow.placeholder("float32", (2, 3))
    assert _chosen(ow.matmul(small, ow.constant(np.ones((3, 2), np.float32))), small, session) == "portable"


def _planned(tensor, fed, session):
    """The plan of one node for a tensor, and the node."""
    step = Step(Spec([tensor], [fed], []), session, flags.parse(""))
    step.run([np.ones(fed.shape.known(), np.float32)])
    lane = session.lanes.free[-1]
    (executable,) = lane.executables[step].values()
    (node,) = executable.program.nodes
    return executable, node


def _chosen(tensor, fed, session):
    return _planned(tensor, fed, session)[1].prepared.kernel.variant


def test_two_calls_of_one_state_at_a_time(forced, rng, graph, session):
    forced("onednn")
    x = ow.placeholder("float32", (64, 128))
    weights = rng.integers(-4, 5, (128, 100)).astype(np.float32)
    executable, node = _planned(ow.matmul(x, ow.constant(weights)), x, session)
    inputs = rng.integers(-4, 5, (2, 64, 128)).astype(np.float32)
    outputs, kept = np.zeros((2, 64, 100), np.float32), []

    def call_on(i):
        """The plan's own call, as the same worker, on other memory."""
        made = ffi.new("ow_call *", executable.plan.nodes[0].call)
        tensors = []
        for tensor, array in ((getattr(made, "in")[0], inputs[i]), (made.out[0], outputs[i])):
            copy = ffi.new("ow_tensor *", tensor[0])
            copy.data = ffi.from_buffer(array)
            tensors.append(copy)
        sources = ffi.new("ow_tensor *[]", [tensors[0], getattr(made, "in")[1]])
        targets, scratch = ffi.new("ow_tensor *[]", [tensors[1]]), ffi.new("char[]", 1 << 20)
        setattr(made, "in", sources)
        made.out, made.worker_scratch = targets, scratch
        kept.append((made, tensors, sources, targets, scratch))
        return made

    run = node.prepared.kernel.struct.run

    def repeat(call):
        return {run(call, 0, call.n_chunks) for _ in range(300)}

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(repeat, [call_on(0), call_on(1)])) == [{0}, {0}]
    np.testing.assert_array_equal(outputs, inputs @ weights)


def test_the_reason_when_it_declines(forced, rng, graph, session):
    forced("onednn")
    a = ow.placeholder("float32", (2, 3, 4))
    with pytest.raises(LibraryError, match=r"onednn: b must be one matrix, got 2"):
        session.run(ow.matmul(a, a, transpose_b=True), {a: np.zeros((2, 3, 4))})


def test_everything_works_without_it():
    code = (
        "import numpy as np, opwright as ow\n"
        "from opwright.kernels import kernels\n"
        "x = np.ones((64, 64), np.float32)\n"
        "assert float(ow.reduce_sum(ow.matmul(x, x))) == 64.0**3\n"
        "assert [p.name for p in kernels.packs()] == []\n"
    )
    env = {**os.environ, "OPWRIGHT_PLUGINS": "array,math"}
    subprocess.run([sys.executable, "-c", code], env=env, check=True, timeout=60)


def test_a_missing_library_is_explained(monkeypatch):
    monkeypatch.setattr(opwright_onednn, "_held", [])
    monkeypatch.setattr(
        opwright_onednn.importlib.metadata,
        "distribution",
        lambda name: (_ for _ in ()).throw(opwright_onednn.importlib.metadata.PackageNotFoundError(name)),
    )
    with pytest.raises(
        LibraryError,
        match=r"libdnnl.so.3 is missing, so matmul and convolutions run on .*; pip install onednn-cpu-gomp",
    ):
        opwright_onednn.prepare()


def test_asking_for_the_libraries_first_does_not_lose_them():
    """The pack is prepared whoever opens its library first, the doctor or a matmul."""
    assert [library.error for library in Kernels().libraries("opwright_onednn", "cpu")] == [None]
