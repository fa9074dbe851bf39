"""TensorFlow 1.x programs, unchanged: `import opwright_tf1 as tf`.

The names of TensorFlow r0.8 to r1.15 side by side, graph by default: using any of them makes a default graph current in
the whole process, unless a graph is current already.
"""

from __future__ import annotations

from typing import Any

import opwright as _ow
from opwright import scopes as _scopes

from opwright_tf1 import api as _api
from opwright_tf1.dimensions import get_shape as _get_shape

__version__ = "1.15.0"  # the API; programs compare it
VERSION = __version__

_root = _api.Api("")
_ow.Tensor.get_shape = _get_shape


def __getattr__(name: str) -> Any:
    if _scopes.current_graph() is None and not name.startswith("__"):
        _scopes.set_base_graph(_ow.Graph())
    return getattr(_root, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(_root)})
