"""decode_raw: the bytes of strings as numbers. tensor_bytes: of a tensor, as a string."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import as_dtype, convert_to_tensor, export, ops
from opwright.dtypes import from_storage
from opwright.errors import ArgumentError


@export("io.decode_raw", "decode_raw")
def decode_raw(
    input_bytes: Any = None,
    out_type: Any = None,
    little_endian: bool = True,
    name: str | None = None,
    bytes: Any = None,
) -> Any:
    """The numbers whose memory the strings are, along a new last dimension; strings of a tensor have one length."""
    dtype = as_dtype(out_type)
    if dtype == "string":
        raise ArgumentError("[decode_raw] out_type must be a number or bool, got string")
    strings = convert_to_tensor(bytes if input_bytes is None else input_bytes, "string")
    rank = strings.shape.rank

    def decoded(texts: Any) -> Any:
        lengths = {len(text) for text in texts.flat}
        if len(lengths) > 1 or any(n % dtype.size for n in lengths):
            raise ValueError(f"strings must have one length, a multiple of {dtype.size} bytes, got {sorted(lengths)}")
        flat = np.frombuffer(b"".join(texts.flat), dtype.numpy.newbyteorder("<" if little_endian else ">"))
        size = (next(iter(lengths)) if lengths else 0) // dtype.size
        return from_storage(flat.astype(dtype.numpy).reshape(*texts.shape, size), dtype)

    made = ops.py_func(decoded, [strings], dtype, name=name)
    return made if rank is None else ops.ensure_shape(made, [*strings.shape.dims, None])
