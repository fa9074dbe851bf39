"""version.*, compat.*: constants and conversions."""

from __future__ import annotations

from typing import Any

import opwright
from opwright import export
from opwright.errors import ArgumentError


class Text(str):
    """A str that can be exported."""


VERSION = export("version.VERSION")(Text(opwright.__version__))


@export("compat.as_bytes")
def as_bytes(bytes_or_text: Any, encoding: str = "utf-8") -> bytes:
    """Text as bytes; bytes as they are. Raises ArgumentError for anything else."""
    if isinstance(bytes_or_text, str):
        return bytes_or_text.encode(encoding)
    if isinstance(bytes_or_text, (bytes, bytearray)):
        return bytes(bytes_or_text)
    raise ArgumentError(f"[as_bytes] text or bytes are needed, got {bytes_or_text!r}")


@export("compat.as_text", "compat.as_str")
def as_text(bytes_or_text: Any, encoding: str = "utf-8") -> str:
    """Bytes as text; text as it is. Raises ArgumentError for anything else."""
    return as_bytes(bytes_or_text, encoding).decode(encoding)


@export("compat.as_str_any")
def as_str_any(value: Any, encoding: str = "utf-8") -> str:
    """Bytes as text, anything else as str shows it."""
    return value.decode(encoding) if isinstance(value, bytes) else str(value)
