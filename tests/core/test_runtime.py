"""The C++ runtime as users meet it: threads, interruption, fork, leaks, denormals."""

import os
import resource
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import opwright as ow
import pytest
from opwright import runtime


def program(text, **env):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(text)],
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process, timeout=120):
    try:
        out, err = process.communicate(timeout=timeout)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, err
    return out


HEAVY = """
    import numpy as np
    import opwright as ow
    with ow.Graph().as_default():
        x = ow.placeholder("float32", [2000, 1001])
        y = x
        for i in range(10):
            y = ow.exp(y * 0.01) + ow.reduce_sum(y, axis=0, keepdims=True) * 1e-6
        total = ow.reduce_sum(y, axis=1)
        session = ow.Session()
        found = session.run([total, y], {x: np.linspace(0, 1, 2002000, dtype=np.float32).reshape(2000, 1001)})
        print(hash(found[0].tobytes()), hash(found[1].tobytes()))
"""


def test_results_do_not_depend_on_the_number_of_workers():
    found = {finished(program(HEAVY, OPWRIGHT_WORKERS=n, PYTHONHASHSEED="0")) for n in ("1", "2", "3", "7")}
    assert len(found) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_can_run():
    text = (
        HEAVY
        + """
        import os
        pid = os.fork()
        if pid == 0:
            again = session.run([total, y], {x: np.linspace(0, 1, 2002000, dtype=np.float32).reshape(2000, 1001)})
            os._exit(0 if (again[0] == found[0]).all() else 1)
        print("child", os.waitpid(pid, 0)[1])
    """
    )
    assert finished(program(text, OPWRIGHT_WORKERS="3")).endswith("child 0\n")


LONG = {
    "many nodes": "functools.reduce(lambda y, _: ow.exp(y * 0.001) - ow.reduce_sum(y) * 1e-9, range(60), x)",
    "one node": "ow.matmul(ow.broadcast_to(x, [4, 2000, 2000]), x)[:, 0, 0]",
}


@pytest.mark.skipif(os.name == "nt", reason="no signals here")
@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("step", LONG.values(), ids=LONG)
def test_ctrl_c_interrupts_a_long_step(step, workers):
    text = """
        import functools, signal, time
        import numpy as np
        import opwright as ow
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job is started with it ignored
        with ow.Graph().as_default():
            x = ow.placeholder("float32", [2000, 2000])
            y = STEP
            session = ow.Session()
            small = x[:1, :1] * 2.0
            fed = np.ones((2000, 2000), np.float32)
            step = session.make_callable(y, [x])
            step(fed)
            print("ready", flush=True)
            try:
                while True:
                    step(fed)
            except KeyboardInterrupt:
                print("interrupted", time.time(), session.run(small, {x: fed})[0, 0], flush=True)
    """
    process = program(text.replace("STEP", step), OPWRIGHT_WORKERS=workers)
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.3)
    sent = time.time()
    process.send_signal(signal.SIGINT)
    word, when, value = finished(process).split()
    assert word == "interrupted"
    assert value == "2.0"
    assert float(when) - sent < 1.0  # 0.1 s on a quiet machine


def test_many_runs_leak_nothing(graph, session):
    x = ow.placeholder("float32", [None])
    y = ow.reduce_sum(ow.exp(x)) * 2.0
    z = x + 1.0
    small, large = np.ones(3, np.float32), np.ones(50_000, np.float32)

    def rounds(n):
        for _ in range(n):
            session.run(y, {x: small})
            session.run(z, {x: large})
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = rounds(2000)
    assert rounds(10_000) - before < 2048  # KiB


def test_denormals_are_flushed_inside_a_step_only(graph, session):
    x = ow.placeholder("float32", [4])
    tiny = np.full(4, 1e-38, np.float32)
    np.testing.assert_array_equal(session.run(x * 1e-3, {x: tiny}), np.zeros(4))
    assert (tiny * np.float32(1e-3) > 0).all()


def test_the_number_of_workers_can_change():
    before = runtime.workers()
    try:
        with pytest.raises(ValueError, match="must be positive, got 0"):
            runtime.set_workers(0)
        for n in (1, 4, 2):
            runtime.set_workers(n)
            assert runtime.workers() == n
            x = ow.constant(np.ones((300, 1000), np.float32))
            assert float(ow.reduce_sum(ow.exp(x * 0.0))) == 300_000
    finally:
        runtime.set_workers(before)


def test_an_interrupt_inside_a_python_kernel_reaches_the_caller(graph, session):
    def interrupted(x):
        raise KeyboardInterrupt

    opaque = ow.OpDef("stopped_by_hand(x: T['*s']) -> (y: T['*s'])", T=("float32",), gradient=None)
    opaque.kernel("cpu")(interrupted)
    x = ow.placeholder("float32", [2])
    with pytest.raises(KeyboardInterrupt):
        session.run(opaque(x), {x: [1, 2]})
    np.testing.assert_array_equal(session.run(x * 2.0, {x: [1, 2]}), [2, 4])


def test_an_error_inside_a_python_kernel_names_the_op_and_the_line(graph, session):
    failing = ow.OpDef("failing_kernel(x: T['*s']) -> (y: T['*s'])", T=("float32",), gradient=None)

    @failing.kernel("cpu")
    def _(x):
        raise ValueError("not today")

    x = ow.placeholder("float32", [2])
    y = failing(x)
    with pytest.raises(
        ValueError, match=r"(?s)\[failing_kernel\] ValueError: not today .*built at .*test_runtime"
    ) as found:
        session.run(y, {x: [1, 2]})
    assert str(found.value.__cause__) == "not today"
    wrong = ow.OpDef("wrong_kernel(x: T['*s']) -> (y: T['*s'])", T=("float32",), gradient=None)
    wrong.kernel("cpu")(lambda x: x[:1])
    with pytest.raises(ValueError, match=r"must return shape \(2,\), got \(1,\)"):
        session.run(wrong(x), {x: [1, 2]})


def test_a_stage_that_yields_goes_on_where_it_was(graph, session, rng):
    x = rng.normal(size=1 << 22)
    step = ow.placeholder("float64", x.shape)
    y = ow.reduce_sum(ow.erfinv(ow.erf(step)))  # some 200 ms on each core, cut off every 50
    begin = time.process_time()
    total = session.run(y, {step: x})
    assert time.process_time() - begin > 0.1
    np.testing.assert_allclose(total, x.sum(), rtol=1e-6)


def test_the_code_of_libraries_outlives_what_python_holds_of_them():
    process = program(
        """
        import gc
        import numpy as np
        import opwright as ow
        from opwright import runtime

        eye = np.eye(3, dtype=np.float32)
        ow.matmul(eye, eye)
        runtime._opened.clear()  # as Python does at its end, before it frees the states of kernels
        gc.collect()
        print(float(ow.reduce_sum(ow.matmul(eye, eye))))
        """
    )
    assert finished(process).strip() == "3.0"
