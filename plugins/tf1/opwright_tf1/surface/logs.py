"""tf.logging: the log "tensorflow" under TensorFlow's names; and switches that ask for what is the case anyway."""

from __future__ import annotations

import logging
from typing import Any

from opwright import ops

from opwright_tf1.surface.framework import GraphKeys, get_collection, get_default_graph

_log = logging.getLogger("tensorflow")


def set_verbosity(v: int) -> None:
    """Messages below this level are dropped."""
    _log.setLevel(v)


def get_verbosity() -> int:
    """The level below which messages are dropped."""
    return _log.getEffectiveLevel()


def as_it_is() -> None:
    """Nothing: graphs are the default here."""


def get_global_step(graph: Any = None) -> Any:
    """The variable that counts training steps; None if there is none."""
    found = (graph or get_default_graph()).get_collection(GraphKeys.GLOBAL_STEP)
    return found[0] if found else None


def get_or_create_global_step(graph: Any = None) -> Any:
    """The variable that counts training steps, made (int64, 0) if there is none."""
    chosen = graph or get_default_graph()
    with chosen.as_default():
        if not get_collection(GraphKeys.GLOBAL_STEP):
            step = ops.Variable(ops.constant(0, "int64"), trainable=False, name="global_step")
            chosen.add_to_collection(GraphKeys.GLOBAL_STEP, step)
        return get_collection(GraphKeys.GLOBAL_STEP)[0]


def global_step(sess: Any, global_step_tensor: Any) -> int:
    """The value of the variable that counts training steps."""
    return int(sess.run(global_step_tensor))


_LEVELS = {"DEBUG": 10, "INFO": 20, "WARN": 30, "ERROR": 40, "FATAL": 50}
_SAYING = {
    "debug": _log.debug, "info": _log.info, "warn": _log.warning, "warning": _log.warning, "error": _log.error,
    "fatal": _log.critical,
}  # fmt: skip
API: dict[str, Any] = {
    **{f"logging.{name}": level for name, level in _LEVELS.items()},
    **{f"logging.{name}": say for name, say in _SAYING.items()},
    "logging.get_verbosity": get_verbosity,
    "logging.set_verbosity": set_verbosity,
    "disable_eager_execution": as_it_is,
    "disable_v2_behavior": as_it_is,
    "train.get_global_step": get_global_step,
    "train.get_or_create_global_step": get_or_create_global_step,
    "train.create_global_step": get_or_create_global_step,
    "train.global_step": global_step,
}
