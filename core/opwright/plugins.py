"""The plugin manager: pluggy with our hooks, and a loader that one broken plugin cannot stop."""

from __future__ import annotations

import importlib
import threading
from functools import cache

import pluggy

from opwright import discovery, hookspecs
from opwright.discovery import Package

_lock = threading.RLock()


@cache
def manager() -> pluggy.PluginManager:
    """The one plugin manager."""
    made = pluggy.PluginManager("opwright")
    made.add_hookspecs(hookspecs)
    return made


@cache
def plugins() -> list[Package]:
    """The installed plugins that are not packages of ops, imported; those that fail carry their error."""
    with _lock:
        found = discovery.packages(discovery.PLUGINS_GROUP)
        for package in found:
            try:
                manager().register(importlib.import_module(package.module), name=package.module)
                package.loaded = True
            except Exception as e:  # a plugin may fail in any way; it must not harm the others
                package.error = f"{type(e).__name__}: {e}"
        return found


def hooks() -> pluggy.HookRelay:
    """The hooks, with every plugin loaded."""
    plugins()
    return manager().hook
