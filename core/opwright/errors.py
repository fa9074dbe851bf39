"""What goes wrong. Each error says `[op] requirement, got value` and, where there is one, the way out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class OpwrightError(Exception):
    """The root of every error Opwright raises on purpose."""


class SchemaError(OpwrightError, ValueError):
    """An op's signature or registration is not well formed."""


class ArgumentError(OpwrightError, TypeError):
    """An op was called with arguments its signature does not have, or of a kind it does not take."""


class DTypeError(ArgumentError):
    """A tensor's dtype is not one the op takes."""


class ShapeError(OpwrightError, ValueError):
    """A tensor's shape is not one the op takes."""


class GradientError(OpwrightError, LookupError):
    """A gradient was asked for where there is none."""


class GraphError(OpwrightError, ValueError):
    """Tensors of different graphs were mixed, a fetch or feed is not the session's, a graph is final or cyclic."""


class UnknownOpError(OpwrightError, AttributeError):
    """No installed package provides an op or function of that name."""


class PluginError(OpwrightError):
    """A plugin is broken, or two plugins claim one name."""


class LibraryError(PluginError):
    """A kernel library was refused, or has no kernel for what is asked."""


class RunError(OpwrightError):
    """A step failed while it ran. `op` is the operation that failed, or None."""

    op: object | None = None


class InvalidArgumentError(RunError, ValueError):
    """A value that the op does not take reached it at run time."""


class OutOfRangeError(RunError, IndexError):
    """An index lies outside its tensor, or a source is exhausted."""


class NotFoundError(RunError, FileNotFoundError):
    """A file or folder is not there."""


class AlreadyExistsError(RunError, FileExistsError):
    """A file or folder is there that would be written over."""


class DataLossError(RunError):
    """A record does not have the checksum that it says."""


class FailedPreconditionError(RunError):
    """A variable was read before it was initialised, or the like."""


class UnimplementedError(RunError, NotImplementedError):
    """There is no kernel for what the step needs."""


class ResourceExhaustedError(RunError, MemoryError):
    """There is not enough memory for the step."""


class InternalError(RunError):
    """A kernel failed for reasons of its own."""


class CancelledError(RunError):
    """The step was cancelled."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'softmax'?` if a known word is close, else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f"; did you mean {close[0]!r}?" if close else ""
