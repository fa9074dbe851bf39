"""Kernels of ops that treat each string of a tensor by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def each(function: Callable[..., Any], *arrays: Any, dtype: Any = object) -> Any:
    """The function of the elements of arrays that broadcast, in an array of `dtype`."""
    wide = np.broadcast_arrays(*arrays)
    made = np.empty(wide[0].size, dtype)
    for i, values in enumerate(zip(*(a.flat for a in wide), strict=True)):
        made[i] = function(*values)
    return made.reshape(wide[0].shape)
