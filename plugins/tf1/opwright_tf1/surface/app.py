"""tf.app: running a main function, and command-line flags."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any


class Flags:
    """Flags defined by DEFINE_*, parsed from the command line when one is first read."""

    def __init__(self) -> None:
        self.__dict__["_parser"] = argparse.ArgumentParser(allow_abbrev=False)
        self.__dict__["_kinds"] = {}
        self.__dict__["_values"] = None

    def parse(self, argv: list[str]) -> list[str]:
        """Takes the flags out of the arguments and returns the others."""
        values, rest = self._parser.parse_known_args([self._spelled_out(word) for word in argv])
        self.__dict__["_values"] = {**vars(values), **(self._values or {})}
        return rest

    def _spelled_out(self, word: str) -> str:
        """--flag and --noflag of a boolean flag with their values."""
        name = word.removeprefix("--")
        if word.startswith("--") and self._kinds.get(name) is _boolean:
            return f"{word}=true"
        if word.startswith("--no") and self._kinds.get(name.removeprefix("no")) is _boolean:
            return f"--{name.removeprefix('no')}=false"
        return word

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self._values is None or name not in self._values:
            self.parse(sys.argv[1:])
        if name not in self._values:
            raise AttributeError(f"there is no flag {name!r}; define it with tf.app.flags.DEFINE_string or the like")
        return self._values[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if self._values is None:
            self.parse(sys.argv[1:])
        self._values[name] = value

    def define(self, name: str, default: Any, text: str | None, kind: Callable[[str], Any]) -> None:
        """Adds a flag; one defined already, by a module imported twice, stays as it is."""
        if name not in self._kinds:
            self._kinds[name] = kind
            self._parser.add_argument(f"--{name}", default=default, type=kind, help=text)


def _boolean(text: str) -> bool:
    if text.lower() in ("true", "t", "1", "yes"):
        return True
    if text.lower() in ("false", "f", "0", "no"):
        return False
    raise argparse.ArgumentTypeError(f"true or false is needed, got {text!r}")


FLAGS = Flags()


def _definer(kind: Callable[[str], Any]) -> Callable[..., None]:
    def define(name: str, default: Any = None, help: str | None = None, **_: Any) -> None:
        FLAGS.define(name, default, help, kind)

    return define


def run(main: Callable[..., Any] | None = None, argv: list[str] | None = None) -> None:
    """Parses the flags, calls main(argv) and exits with what it returns."""
    given = sys.argv if argv is None else argv
    rest = FLAGS.parse(given[1:])
    main = main or sys.modules["__main__"].main
    sys.exit(main([given[0], *rest]))


_KINDS: dict[str, Any] = {"string": str, "integer": int, "float": float, "boolean": _boolean, "bool": _boolean}

API: dict[str, Any] = {
    "app.run": run,
    "app.flags.FLAGS": FLAGS,
    "flags.FLAGS": FLAGS,
    **{f"{prefix}flags.DEFINE_{name}": _definer(kind) for prefix in ("app.", "") for name, kind in _KINDS.items()},
}
