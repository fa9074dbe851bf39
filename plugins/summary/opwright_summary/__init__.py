"""Event files for TensorBoard: scalars, histograms, images, text and graphs by step."""

from collections.abc import Callable

from opwright import hookimpl

from opwright_summary import recording, traces, writers


@hookimpl
def opwright_register_ops(register: Callable[..., None]) -> None:
    register(writers, recording, traces)
