"""Protocol buffers of settings, as programs see them."""

from __future__ import annotations

from typing import Any


class Options:
    """A bag of settings, as TensorFlow 1's protocol buffers are to programs: any attribute can be read and set."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = Options()
        self.__dict__[name] = made
        return made

    def __bool__(self) -> bool:
        return any(bool(value) for value in self.__dict__.values())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.__dict__.items())})"
