"""Sessions with TensorFlow 1's configuration."""

from __future__ import annotations

from typing import Any

import opwright as ow
from opwright import scopes
from opwright.errors import GraphError
from opwright.runtime import set_workers

from opwright_tf1.surface.options import Options
from opwright_tf1.surface.tracing import Traced


class ConfigProto(Options):
    """Settings of a session. Taken into account: allow_soft_placement, intra_op_parallelism_threads."""


class GPUOptions(Options):
    """Settings for GPUs. Memory is taken as it is needed, whatever they say."""


class _Settings:
    """What a session of ours takes from a ConfigProto."""

    def __init__(self, config: Any) -> None:
        self.allow_soft_placement = config is not None and config.allow_soft_placement is True
        threads = config.intra_op_parallelism_threads if config is not None else 0
        if isinstance(threads, int) and threads > 0:
            set_workers(threads)


class Session(Traced, ow.Session):
    """Runs operations of a graph; the default graph unless another is given."""

    def __init__(self, target: str = "", graph: ow.Graph | None = None, config: Any = None) -> None:
        super().__init__(target, graph, _Settings(config))

    def partial_run(self, *_: Any, **__: Any) -> Any:
        raise GraphError("partial runs do not exist; run the parts as steps of their own and feed what lies between")


class InteractiveSession(Session):
    """A session that is the default one from its making to its close: for shells and notebooks."""

    def __init__(self, target: str = "", graph: ow.Graph | None = None, config: Any = None) -> None:
        super().__init__(target, graph, config)
        self._default: Any = self.as_default()
        self._default.__enter__()

    def close(self) -> None:
        """Ends it, and with it its being the default."""
        if self._default is not None:
            default, self._default = self._default, None
            default.__exit__(None, None, None)
        super().close()

    def __enter__(self) -> InteractiveSession:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def get_default_session() -> Any:
    """The current session, or None."""
    return scopes.current_session()


API: dict[str, Any] = {
    "ConfigProto": ConfigProto,
    "GPUOptions": GPUOptions,
    "InteractiveSession": InteractiveSession,
    "Session": Session,
    "get_default_session": get_default_session,
}
