"""tf.test.TestCase as unittest runs it."""

import unittest

import numpy as np
import opwright_tf1 as tf


class Tangent(tf.test.TestCase):
    def test_gradient(self):
        with self.test_session() as sess:
            x = tf.constant(np.linspace(-1, 1, 6).reshape(2, 3))
            y = tf.tanh(x)
            assert tf.test.compute_gradient_error(x, [2, 3], y, [2, 3]) < 1e-6  # the step is 1e-3
            at = sess.run(x)
            analytic, numeric = tf.test.compute_gradient(x, [2, 3], y, [2, 3], x_init_value=at)
            self.assertAllClose(analytic, numeric)
            self.assertAllClose(analytic, np.diag(1 - np.tanh(at).ravel() ** 2))
            self.assertShapeEqual(np.zeros((2, 3)), y)


def test_unittest_runs_the_tests_and_skips_the_session():
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Tangent).run(result)
    assert result.wasSuccessful(), result.failures + result.errors
    assert result.testsRun == 2
    assert [case._testMethodName for case, _ in result.skipped] == ["test_session"]
