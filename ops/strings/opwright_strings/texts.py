"""Case, length, parts of strings."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import OpDef

from opwright_strings.elementwise import each

_WORDS = (b"", b"a", b"Opwright", "Ünïcöde".encode())


def _words(rng: Any, size: Any = (2, 3)) -> Any:
    return rng.choice(np.array(_WORDS, object), size)


string_lower = OpDef(
    "string_lower(input: string['*s'], encoding: str = '') -> (y: string['*s'])", gradient=None, export="strings.lower"
)
string_upper = OpDef(
    "string_upper(input: string['*s'], encoding: str = '') -> (y: string['*s'])", gradient=None, export="strings.upper"
)
string_strip = OpDef("string_strip(input: string['*s']) -> (y: string['*s'])", gradient=None, export="strings.strip")
string_length = OpDef(
    "string_length(input: string['*s'], unit: str = 'BYTE') -> (y: int32['*s'])",
    gradient=None,
    export="strings.length",
)
substr = OpDef(
    "substr(input: string['...'], pos: I['...'], len: I['...'], unit: str = 'BYTE') -> (y: string['...'])",
    I=("int32", "int64"),
    gradient=None,
    export="strings.substr",
)


def _changed(change: Any, encoding: str) -> Any:
    """A change of case: of ASCII letters, or of all with encoding "utf-8"."""
    if encoding not in ("", "utf-8"):
        raise ValueError(f"encoding must be '' or 'utf-8', got {encoding!r}")
    return (lambda b: change(b.decode()).encode()) if encoding else change


@string_lower.kernel("cpu")
def _lower(input, encoding):
    return each(_changed(lambda text: text.lower(), encoding), input)


@string_upper.kernel("cpu")
def _upper(input, encoding):
    return each(_changed(lambda text: text.upper(), encoding), input)


@string_strip.kernel("cpu")
def _strip(input):
    return each(bytes.strip, input)


@string_length.kernel("cpu")
def _length(input, unit):
    return each(lambda text: len(text.decode() if _characters(unit) else text), input, dtype=np.int32)


def _characters(unit: str) -> bool:
    if unit not in ("BYTE", "UTF8_CHAR"):
        raise ValueError(f"unit must be BYTE or UTF8_CHAR, got {unit!r}")
    return unit == "UTF8_CHAR"


@substr.kernel("cpu")
def _substr(input, pos, len, unit):
    return each(lambda text, start, count: _part(text, int(start), int(count), _characters(unit)), input, pos, len)


def _part(text: bytes, start: int, count: int, characters: bool) -> bytes:
    whole: Any = text.decode() if characters else text
    if not -len(whole) <= start <= len(whole):
        raise IndexError(f"pos {start} is out of range for a string of length {len(whole)}")
    start += len(whole) if start < 0 else 0
    part = whole[start : start + max(count, 0)]
    return part.encode() if characters else part


string_lower.examples(lambda rng: [{"input": _words(rng)}, {"input": _words(rng), "encoding": "utf-8"}])
string_upper.examples(lambda rng: [{"input": _words(rng)}, {"input": _words(rng), "encoding": "utf-8"}])
string_strip.examples(lambda rng: [{"input": _words(rng)}])
string_length.examples(lambda rng: [{"input": _words(rng)}, {"input": _words(rng), "unit": "UTF8_CHAR"}])
substr.examples(lambda rng: [{"input": np.array([b"word", b"other"], object), "pos": 1, "len": [2, 9]}])
