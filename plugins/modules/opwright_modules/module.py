"""Module: an object whose attributes hold variables and other modules."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from opwright import export, scopes
from opwright.errors import ArgumentError


@export("Module")
class Module:
    """The base of layers and models of your own: what is assigned to its attributes, also in lists and dicts, is found.

        class Dense(ow.Module):
            def __init__(self, n, m, name=None):
                super().__init__(name)
                self.w = ow.Variable(ow.random.normal([n, m]), name="w")

            def __call__(self, x):
                return ow.nn.relu(x @ self.w)

    Raises ArgumentError for a name that is no identifier.
    """

    def __init__(self, name: str | None = None) -> None:
        if name is not None and not name.isidentifier():
            raise ArgumentError(f"[Module] name must be an identifier, got {name!r}")
        self._name = name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(self).__name__).lower()

    @property
    def name(self) -> str:
        return self.__dict__.get("_name") or type(self).__name__.lower()

    @property
    def name_scope(self) -> AbstractContextManager[Any]:
        """In a graph a block that puts the module's name before those of its nodes."""
        graph = scopes.current_graph()
        return nullcontext(f"{self.name}/") if graph is None else graph.name_scope(self.name)

    @classmethod
    def with_name_scope(cls, method: Callable[..., Any]) -> Callable[..., Any]:
        """Makes a method run inside of its module's name scope."""

        @functools.wraps(method)
        def call(self: Module, *args: Any, **kwargs: Any) -> Any:
            with self.name_scope:
                return method(self, *args, **kwargs)

        return call

    @property
    def variables(self) -> tuple[Any, ...]:
        """The variables of the module and its submodules, attributes in alphabetical order, each once."""
        return tuple(thing for _, thing in walk(self) if is_variable(thing))

    @property
    def trainable_variables(self) -> tuple[Any, ...]:
        return tuple(v for v in self.variables if v.trainable)

    @property
    def non_trainable_variables(self) -> tuple[Any, ...]:
        return tuple(v for v in self.variables if not v.trainable)

    @property
    def submodules(self) -> tuple[Module, ...]:
        """The modules inside this one, at any depth."""
        return tuple(thing for _, thing in walk(self) if isinstance(thing, Module) and thing is not self)


def is_variable(thing: Any) -> bool:
    return hasattr(thing, "assign") and hasattr(thing, "trainable")


def walk(thing: Any) -> Iterator[tuple[str, Any]]:
    """The modules and variables inside of a thing, itself included, each once, with the paths that lead to them."""
    yield from _walk(thing, "", set())


def _walk(thing: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    if id(thing) in seen:
        return
    if is_variable(thing):
        seen.add(id(thing))
        yield path, thing
        return
    if isinstance(thing, Module):
        yield path, thing
        inside = {name.lstrip("_"): value for name, value in sorted(vars(thing).items())}
    elif hasattr(thing, "__opwright_state__"):
        yield path, thing
        inside = thing.__opwright_state__()
    elif isinstance(thing, dict):
        inside = thing
    elif isinstance(thing, (list, tuple)):
        inside = dict(enumerate(thing))
    else:
        return
    seen.add(id(thing))
    for name, value in inside.items():
        yield from _walk(value, f"{path}/{name}" if path else str(name), seen)
