"""From a kernel's status to the exception a user sees."""

from __future__ import annotations

from typing import Any

from opwright import errors

_BY_STATUS = {
    1: errors.InvalidArgumentError,
    2: errors.OutOfRangeError,
    3: errors.UnimplementedError,
    4: errors.ResourceExhaustedError,
    6: errors.CancelledError,
}


def error_of(status: int, message: str, op: Any = None, cause: Any = None) -> errors.RunError:
    """The exception of a status (kernel.h), or of its cause's kind, naming the operation and the user's line."""
    where = f"\n  in {op.name} ({op.type}), built at {op.line}" if op is not None and hasattr(op, "line") else ""
    known = isinstance(cause, errors.RunError)
    kind = type(cause) if known else _BY_STATUS.get(status, errors.InternalError)
    error = kind((str(cause) if known else message) + where)
    error.op = op
    return error
