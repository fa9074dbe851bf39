"""tf.errors: TensorFlow's names for what can go wrong."""

from __future__ import annotations

from typing import Any

from opwright import errors

_KINDS = {
    "CancelledError": errors.CancelledError,
    "FailedPreconditionError": errors.FailedPreconditionError,
    "InternalError": errors.InternalError,
    "InvalidArgumentError": errors.InvalidArgumentError,
    "OpError": errors.RunError,
    "OutOfRangeError": errors.OutOfRangeError,
    "ResourceExhaustedError": errors.ResourceExhaustedError,
    "UnimplementedError": errors.UnimplementedError,
}
API: dict[str, Any] = {"OpError": errors.RunError} | {f"errors.{name}": kind for name, kind in _KINDS.items()}
