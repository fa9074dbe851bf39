"""The registry: op names and public names, and the packages they come from, loaded when first asked for."""

from __future__ import annotations

import functools
import importlib
import threading
import types
from collections.abc import Iterator
from typing import Any

from opwright import discovery
from opwright.discovery import Package
from opwright.errors import PluginError, SchemaError, UnknownOpError, did_you_mean
from opwright.opdef import OpDef


class Clash:
    """A name that two packages claim. Using it raises; everything else goes on working."""

    def __init__(self, name: str, packages: list[Package]) -> None:
        self.name = name
        self.packages = packages

    def error(self) -> PluginError:
        both = " and ".join(f"{p} ({p.module})" for p in self.packages)
        ways = ", ".join(p.name for p in self.packages)
        return PluginError(
            f"{self.name!r} comes from both {both}; uninstall one, or set OPWRIGHT_PLUGINS to leave one out (they are "
            f"called {ways} there)"
        )


class Registry:
    """Everything that has been registered, and everything that could be."""

    def __init__(self) -> None:
        self._names: dict[str, Any] = {}  # dotted public name -> OpDef, function, class or Clash
        self._resolved: dict[str, Any] = {}  # those that have been asked for: what they stand for, or a Namespace
        self._owners: dict[str, Package] = {}
        self._packages: list[Package] | None = None
        self._index: dict[str, list[Package]] = {}
        self._lock = threading.RLock()

    # -- looking up ----------------------------------------------------------------------------------------------------

    def op(self, name: str) -> OpDef:
        """The OpDef of that name ('softmax', 'acme::gelu'). Raises UnknownOpError, or PluginError on a clash."""
        found = self.name(_public(name))
        if not isinstance(found, OpDef):
            raise UnknownOpError(f"{name!r} is no op, it is {found!r}")
        return found

    def name(self, name: str) -> Any:
        """What a dotted public name stands for, or a Namespace if it is the beginning of longer ones."""
        found = self._resolved.get(name)
        if found is None:
            with self._lock:
                found = self._resolved[name] = self._find(name)
        return found

    def _find(self, name: str) -> Any:
        self.packages()
        owners = self._index.get(name, [])
        for package in owners:
            self._load(package)
        if name not in self._names and not self._is_prefix(name):
            self.load_all()  # a name made at run time stands in no source: look inside all packages
        if name in self._names:
            found = self._names[name]
            if type(found) is Clash:
                raise found.error()
            return found
        if self._is_prefix(name):
            return Namespace(self, name)
        broken = [p for p in owners if p.error]
        if broken:
            raise PluginError(f"{name!r} comes from {broken[0]}, which could not be loaded: {broken[0].error}")
        raise self._unknown(name)

    def _is_prefix(self, public: str) -> bool:
        start = public + "."
        return any(n.startswith(start) for n in (*self._names, *self._index))

    def _unknown(self, name: str) -> UnknownOpError:
        broken = "".join(f"; {p} could not be loaded ({p.error})" for p in self.packages() if p.error)
        return UnknownOpError(f"unknown op or function {name!r}{did_you_mean(name, self.all_names())}{broken}")

    # -- loading -------------------------------------------------------------------------------------------------------

    def packages(self) -> list[Package]:
        """The packages of ops that are installed and wanted."""
        with self._lock:
            if self._packages is None:
                self._packages = discovery.packages(discovery.OPS_GROUP)
                for package in self._packages:
                    for name in package.names():
                        owners = self._index.setdefault(name, [])
                        if package not in owners:
                            owners.append(package)
            return self._packages

    def _load(self, package: Package) -> None:
        if package.loaded or package.error:
            return
        package.loaded = True
        from opwright.plugins import manager

        try:
            module = importlib.import_module(package.module)
            manager().register(module, name=package.module)
            hook = manager().subset_hook_caller(
                "opwright_register_ops", [p for _, p in manager().list_name_plugin() if p is not module]
            )
            hook(register=functools.partial(self.register, package=package))
        except Exception as e:  # a plugin may fail in any way; it must not harm the others
            package.error = f"{type(e).__name__}: {e}"

    def register(self, *things: Any, prefix: str | None = None, package: Package | None = None) -> None:
        """Enters OpDefs, exported functions and classes, or all of these that a module defines.

        With prefix="nn" each of them is public as `nn.<name>` too.
        """
        for thing in things:
            if isinstance(thing, types.ModuleType):
                self.register(*_defined_in(thing), prefix=prefix, package=package)
                continue
            if isinstance(thing, OpDef):
                thing.check()
                thing.package = thing.package or (package.module if package else None)
                names = (_public(thing.name), *thing.exports)
            else:
                names = getattr(thing, "__opwright_names__", ())
                if not names:
                    raise SchemaError(f"register takes OpDefs, exported functions and modules, got {thing!r}")
            dotted = [f"{prefix}.{n}" for n in names if prefix and "." not in n]
            for name in (*names, *dotted):
                self._enter(name, thing, package)

    def _enter(self, name: str, thing: Any, package: Package | None) -> None:
        with self._lock:
            there = self._names.get(name)
            if there is thing:
                return
            if type(there) is Clash:
                there.packages += [package] if package is not None else []
                return
            owner = self._owners.get(name)
            if there is not None and owner and package and owner is not package:
                self._names[name] = Clash(name, [owner, package])
                self._resolved.pop(name, None)
                return
            if there is not None:
                raise SchemaError(f"{name!r} is registered already, by {owner or 'this program'}; choose another name")
            self._names[name] = thing
            self._resolved.pop(name, None)  # it may have been the beginning of longer names only
            if package is not None:
                self._owners[name] = package

    # -- listing -------------------------------------------------------------------------------------------------------

    def load_all(self) -> None:
        """Imports every package of ops; the broken ones carry their error."""
        for package in self.packages():
            self._load(package)

    def ops(self) -> Iterator[OpDef]:
        """Every op of every package that can be loaded, by name."""
        self.load_all()
        found = {id(op): op for op in self._names.values() if isinstance(op, OpDef)}
        yield from sorted(found.values(), key=lambda op: op.name)

    def all_names(self) -> list[str]:
        """Every public name, loaded or not."""
        self.packages()
        return sorted({*self._names, *self._index})

    def names_of(self, thing: Any) -> list[str]:
        """The public names that stand for a thing."""
        return sorted(name for name, known in self._names.items() if known is thing)

    def clashes(self) -> list[Clash]:
        """The names that several packages claim, of what is loaded."""
        return [known for known in self._names.values() if type(known) is Clash]

    def owner(self, op: OpDef) -> Package | None:
        return self._owners.get(_public(op.name))


class Namespace:
    """The public names that begin with one dotted prefix: `ow.nn`, `ops.acme`."""

    def __init__(self, registry: Registry, prefix: str) -> None:
        self._registry = registry
        self._prefix = prefix

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = self._registry.name(f"{self._prefix}.{name}" if self._prefix else name)
        if not isinstance(found, Namespace):
            self.__dict__[name] = found  # the next look-up is a plain attribute's
        return found

    def __dir__(self) -> list[str]:
        start = f"{self._prefix}." if self._prefix else ""
        return sorted({n[len(start) :].partition(".")[0] for n in self._registry.all_names() if n.startswith(start)})

    def __repr__(self) -> str:
        return f"<names {self._prefix or 'opwright.ops'}.*>"


def _public(op_name: str) -> str:
    return op_name.replace("::", ".")


def _defined_in(module: types.ModuleType) -> list[Any]:
    """OpDefs bound in the module, and exported things whose home it is."""
    seen: list[Any] = []
    for thing in vars(module).values():
        if isinstance(thing, OpDef):
            ours = True
        else:
            # A class is public by its own names, not by those of the class it derives from.
            own = vars(thing).get if isinstance(thing, type) else functools.partial(getattr, thing)
            exported = own("__opwright_names__", None)
            ours = isinstance(exported, tuple) and getattr(thing, "__module__", None) == module.__name__
        if ours and not any(thing is s for s in seen):
            seen.append(thing)
    return seen


registry = Registry()
