"""Where strings are: a tensor of strings holds places in a pool of bytes, and equal strings have one place.

So whatever moves elements moves strings. Place 0 is the empty string. The pool keeps short strings for good; of long
ones, such as the contents of files, those that fit in `BUDGET` and were used last.
"""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from typing import Any

import numpy as np
from opwright import export
from opwright.errors import DTypeError, OutOfRangeError

LONG = 1 << 12  # bytes
BUDGET = 1 << 30

_lock = threading.Lock()
_numbers = itertools.count(1)
_places: dict[bytes, int] = {b"": 0}
_short: dict[int, bytes] = {0: b""}
_long: OrderedDict[int, bytes] = OrderedDict()
_held = [0]  # the bytes of the long ones


@export("strings.places")
def places(values: Any) -> np.ndarray[Any, Any]:
    """The places of strings, bytes or str (as UTF-8), in an array of their shape. Raises DTypeError for others."""
    array = np.asarray(values, object)
    with _lock:
        return np.array([_place(value) for value in array.flat], np.int64).reshape(array.shape)


@export("strings.at")
def at(found: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The bytes at places, in an object array. Raises OutOfRangeError for one that had to give way to others."""
    made = np.empty(found.size, object)
    with _lock:
        made[:] = [_text(place) for place in found.flat]
    return made.reshape(found.shape)


def _place(value: Any) -> int:
    if not isinstance(value, (str, bytes)):
        raise DTypeError(f"a string must be bytes or str, got {value!r}")
    data = value.encode() if isinstance(value, str) else bytes(value)
    place = _places.get(data)
    if place is None:
        place = _places[data] = next(_numbers)
        (_short if len(data) < LONG else _long)[place] = data
        _held[0] += len(data) if len(data) >= LONG else 0
        while _held[0] > BUDGET and len(_long) > 1:
            _, dropped = _long.popitem(last=False)
            del _places[dropped]
            _held[0] -= len(dropped)
    elif place in _long:
        _long.move_to_end(place)
    return place


def _text(place: int) -> bytes:
    found = _short.get(place) or _long.get(place)
    if found is None and place:
        raise OutOfRangeError(f"[string] long strings must fit in {BUDGET} bytes; this one gave way to later ones")
    return found or b""
