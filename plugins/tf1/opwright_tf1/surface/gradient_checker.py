"""compute_gradient: theoretical and numeric Jacobians side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import opwright as ow
from opwright import scopes

from opwright_tf1.surface.sessions import Session

Array = np.ndarray[Any, Any]


def compute_gradient(
    x: Any,
    x_shape: Sequence[Any],
    y: Any,
    y_shape: Sequence[int],
    x_init_value: Any = None,
    delta: float = 1e-3,
    init_targets: Any = None,
    extra_feed_dict: Any = None,
) -> Any:
    """The theoretical and the numeric Jacobian of y with respect to x, each [elements of x, elements of y].

    Lists of tensors give lists of pairs. The numeric one is by central differences of width 2 * delta.
    """
    if isinstance(x, list):
        values = x_init_value if isinstance(x_init_value, list) else [None] * len(x)
        return [
            compute_gradient(one, shape, y, y_shape, value, delta, init_targets, extra_feed_dict)
            for one, shape, value in zip(x, x_shape, values, strict=True)
        ]
    session = scopes.current_session()
    if session is None:
        with Session(graph=y.graph):
            return compute_gradient(x, x_shape, y, y_shape, x_init_value, delta, init_targets, extra_feed_dict)
    for target in init_targets if isinstance(init_targets, (list, tuple)) else [init_targets]:
        if target is not None:
            session.run(target)
    value = np.random.random_sample(x_shape) if x_init_value is None else x_init_value
    at = np.asarray(value).astype(x.dtype.as_numpy_dtype).reshape(x_shape)
    extra = dict(extra_feed_dict or {})
    return _theoretical(session, x, y, y_shape, at, extra), _numeric(session, x, y, y_shape, at, delta, extra)


def _theoretical(session: Any, x: Any, y: Any, y_shape: Any, at: Array, extra: dict[Any, Any]) -> Array:
    weights = ow.ops.placeholder(y.dtype, list(y_shape))
    (slope,) = ow.gradients(y, [x], grad_ys=[weights], unconnected_gradients="zero")
    dense = slope.__opwright_tensor__() if hasattr(slope, "__opwright_tensor__") else slope
    n_y = int(np.prod(y_shape))
    jacobian = np.zeros((at.size, n_y), at.dtype)
    for column in range(n_y):
        one = np.zeros(n_y, at.dtype)
        one[column] = 1
        jacobian[:, column] = session.run(dense, {x: at, weights: one.reshape(y_shape), **extra}).ravel()
    return jacobian


def _numeric(session: Any, x: Any, y: Any, y_shape: Any, at: Array, delta: float, extra: dict[Any, Any]) -> Array:
    jacobian = np.zeros((at.size, int(np.prod(y_shape))), at.dtype)
    for row in range(at.size):
        above, below = at.copy(), at.copy()
        above.flat[row] += delta
        below.flat[row] -= delta
        up, down = (session.run(y, {x: point, **extra}) for point in (above, below))
        jacobian[row] = ((up - down) / (2 * delta)).ravel()
    return jacobian


def compute_gradient_error(
    x: Any,
    x_shape: Any,
    y: Any,
    y_shape: Any,
    x_init_value: Any = None,
    delta: float = 1e-3,
    init_targets: Any = None,
    extra_feed_dict: Any = None,
) -> float:
    """The largest difference between the theoretical and the numeric Jacobian."""
    found = compute_gradient(x, x_shape, y, y_shape, x_init_value, delta, init_targets, extra_feed_dict)
    pairs = found if isinstance(found, list) else [found]
    return max((float(np.abs(t - n).max()) for t, n in pairs if t.size), default=0.0)
