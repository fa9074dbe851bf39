"""tf.test: a test case with sessions and numeric assertions."""

from __future__ import annotations

import tempfile
import unittest
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import opwright as ow
from opwright import scopes
from opwright.devices import devices
from opwright.errors import OpwrightError

from opwright_tf1.surface.framework import get_default_graph, reset_default_graph
from opwright_tf1.surface.gradient_checker import compute_gradient, compute_gradient_error
from opwright_tf1.surface.sessions import Session

Array = np.ndarray[Any, Any]


class TestCase(unittest.TestCase):
    """A test case that begins with an empty default graph."""

    def setUp(self) -> None:
        if not scopes.open_graphs():
            reset_default_graph()
        np.random.seed(87654321)

    def test_session(
        self, graph: Any = None, config: Any = None, use_gpu: bool = False, force_gpu: bool = False
    ) -> AbstractContextManager[Any]:
        """A session on the default graph, or on `graph`, current inside the block."""
        if self._testMethodName == "test_session":  # unittest takes it for a test, by its name
            self.skipTest("not a test")
        return self._session(graph, config)

    test_session.__test__ = False  # type: ignore[attr-defined]  # so does pytest
    session = cached_session = test_session

    @contextmanager
    def _session(self, graph: Any, config: Any) -> Iterator[Any]:
        with Session(graph=graph or get_default_graph(), config=config) as session:
            yield session

    def get_temp_dir(self) -> str:
        """A folder that is removed when the test is over."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return folder.name

    def evaluate(self, tensors: Any) -> Any:
        """The values of tensors in the current session, or in one of their own."""
        session = scopes.current_session()
        if session is None:
            with self.test_session() as session:
                return session.run(tensors)
        return session.run(tensors)

    def _value(self, value: Any) -> Array:
        if isinstance(value, ow.Tensor) or hasattr(value, "__opwright_tensor__"):
            value = self.evaluate(value)
        return np.asarray(value)

    def assertAllEqual(self, a: Any, b: Any, msg: str | None = None) -> None:
        np.testing.assert_array_equal(self._value(a), self._value(b), err_msg=msg or "")

    def assertAllClose(self, a: Any, b: Any, rtol: float = 1e-6, atol: float = 1e-6, msg: str | None = None) -> None:
        """Arrays, or lists and dicts of arrays, agree within atol + rtol * |b|."""
        if isinstance(a, dict):
            self.assertEqual(a.keys(), b.keys(), msg)
            for key in a:
                self.assertAllClose(a[key], b[key], rtol, atol, msg)
        elif isinstance(a, (list, tuple)) and len({np.shape(item) for item in a}) > 1:
            for one, other in zip(a, b, strict=True):
                self.assertAllClose(one, other, rtol, atol, msg)
        else:
            np.testing.assert_allclose(self._value(a), self._value(b), rtol=rtol, atol=atol, err_msg=msg or "")

    def assertAllCloseAccordingToType(self, a: Any, b: Any, rtol: float = 1e-6, atol: float = 1e-6, **_: Any) -> None:
        half = np.float16 in (self._value(a).dtype, self._value(b).dtype)
        self.assertAllClose(a, b, 1e-3 if half else rtol, 1e-3 if half else atol)

    def assertNear(self, f1: float, f2: float, err: float, msg: str | None = None) -> None:
        self.assertTrue(f1 == f2 or abs(f1 - f2) <= err, msg or f"{f1} and {f2} must differ by at most {err}")

    def assertArrayNear(self, farray1: Any, farray2: Any, err: float, msg: str | None = None) -> None:
        self.assertEqual(len(farray1), len(farray2), msg)
        for one, other in zip(farray1, farray2, strict=True):
            self.assertNear(float(one), float(other), err, msg)

    def assertNDArrayNear(self, ndarray1: Any, ndarray2: Any, err: float, msg: str | None = None) -> None:
        self.assertTrue(float(np.linalg.norm(np.asarray(ndarray1) - np.asarray(ndarray2))) < err, msg)

    def assertShapeEqual(self, np_array: Any, tf_tensor: Any, msg: str | None = None) -> None:
        self.assertEqual(np.shape(np_array), tuple(tf_tensor.get_shape().as_list()), msg)

    def assertAllGreater(self, a: Any, comparison_target: Any) -> None:
        self.assertTrue((self._value(a) > comparison_target).all())

    def assertAllLess(self, a: Any, comparison_target: Any) -> None:
        self.assertTrue((self._value(a) < comparison_target).all())

    def assertStartsWith(self, actual: str, expected_start: str, msg: str | None = None) -> None:
        self.assertTrue(actual.startswith(expected_start), msg or f"{actual!r} must start with {expected_start!r}")

    @contextmanager
    def assertRaisesWithPredicateMatch(self, exception_type: Any, expected: Any) -> Iterator[None]:
        """Inside, such an exception is raised, whose text contains the expression, or which the function accepts."""
        with self.assertRaises(exception_type) as found:
            yield
        if callable(expected):
            self.assertTrue(expected(found.exception), f"not the error expected: {found.exception}")
        else:
            self.assertRegex(str(found.exception), expected)

    def assertRaisesOpError(self, expected: Any) -> Any:
        return self.assertRaisesWithPredicateMatch(OpwrightError, expected)


def is_gpu_available(*_: Any, **__: Any) -> bool:
    """Whether a GPU can be used."""
    found = devices().get("cuda:0")
    return found is not None and found.why_unavailable() is None


API: dict[str, Any] = {
    "test.TestCase": TestCase,
    "test.compute_gradient": compute_gradient,
    "test.compute_gradient_error": compute_gradient_error,
    "test.is_built_with_cuda": is_gpu_available,
    "test.is_gpu_available": is_gpu_available,
    "test.main": unittest.main,
}
