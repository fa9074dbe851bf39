"""tf.errors: TensorFlow's names for what can go wrong."""

from __future__ import annotations

from typing import Any

from opwright import errors

_KINDS = {
    "AlreadyExistsError": errors.AlreadyExistsError,
    "CancelledError": errors.CancelledError,
    "DataLossError": errors.DataLossError,
    "FailedPreconditionError": errors.FailedPreconditionError,
    "InternalError": errors.InternalError,
    "InvalidArgumentError": errors.InvalidArgumentError,
    "NotFoundError": errors.NotFoundError,
    "OpError": errors.RunError,
    "OutOfRangeError": errors.OutOfRangeError,
    "ResourceExhaustedError": errors.ResourceExhaustedError,
    "UnimplementedError": errors.UnimplementedError,
}
API: dict[str, Any] = {"OpError": errors.RunError} | {f"errors.{name}": kind for name, kind in _KINDS.items()}
