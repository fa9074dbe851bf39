"""A string cut into pieces: their number is known only when a step runs."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import convert_to_tensor, export, ops
from opwright.errors import ShapeError


def _pieces(op: str, input: Any, function: Any, name: str | None) -> Any:
    text = convert_to_tensor(input, "string")
    if text.shape.rank not in (0, None):
        raise ShapeError(
            f"[{op}] input must be one string, got shape {text.shape}; strings of different numbers of pieces make no "
            "tensor: split them one by one, as in Dataset.map"
        )
    made = ops.py_func(lambda whole: np.array(function(whole[()]), object), [text], "string", name=name)
    return ops.ensure_shape(made, [None])


@export("strings.split")
def split(input: Any, sep: Any = None, maxsplit: int = -1, name: str | None = None) -> Any:
    """The pieces of one string between separators, by default runs of white space: a tensor of one dimension.

    Raises ShapeError for more than one string.
    """
    separator = sep.encode() if isinstance(sep, str) else sep
    return _pieces("strings.split", input, lambda whole: whole.split(separator or None, maxsplit), name)


@export("strings.bytes_split")
def bytes_split(input: Any, name: str | None = None) -> Any:
    """The bytes of one string, each a string. Raises ShapeError for more than one."""
    return _pieces("strings.bytes_split", input, lambda whole: [whole[i : i + 1] for i in range(len(whole))], name)


@export("strings.unicode_split")
def unicode_split(input: Any, input_encoding: str = "UTF-8", name: str | None = None) -> Any:
    """The characters of one string, each a UTF-8 string. Raises ShapeError for more than one."""

    def characters(whole: bytes) -> list[bytes]:
        return [character.encode() for character in whole.decode(input_encoding)]

    return _pieces("strings.unicode_split", input, characters, name)
