"""The user's line: the innermost frame of a call that is neither ours nor a plugin's."""

from __future__ import annotations

import sys

_HIDDEN: dict[str, bool] = {}  # file -> whether it belongs to Opwright or to a package of ops


def user_line() -> str:
    """'File "train.py", line 12, in main' of the program that called into Opwright."""
    frame = sys._getframe(1)
    inner = frame
    while frame is not None:
        hidden = _HIDDEN.get(frame.f_code.co_filename)
        if hidden is None:
            hidden = _hide(frame.f_code.co_filename, frame.f_globals.get("__name__", ""))
        if not hidden:
            inner = frame
            break
        if frame.f_back is None:
            break
        frame = frame.f_back
    code = inner.f_code
    return f'File "{code.co_filename}", line {inner.f_lineno}, in {code.co_name}'


def _hide(file: str, module: str) -> bool:
    top = module.partition(".")[0]
    _HIDDEN[file] = top.startswith("opwright") or top in ("contextlib", "functools")
    return _HIDDEN[file]
