"""The choice of kernels: what the planner does so that one can run."""

import numpy as np
import opwright as ow
from opwright import OpDef, ops


def test_a_kernel_that_takes_dense_inputs_gets_dense_copies(graph, session):
    halve = OpDef("test::halve(x: T['*s']) -> (y: T['*s'])", T=("float32",), gradient=None)
    halve.kernel("cpu")(lambda x: x / 2)
    fed = ow.placeholder("float32", (2, 3))
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(session.run(halve(ops.transpose(fed)), {fed: x}), x.T / 2)
