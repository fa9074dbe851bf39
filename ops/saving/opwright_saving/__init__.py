"""Saved graphs: save(graph or session, path), load(path)."""

from opwright import hookimpl

from opwright_saving import saving


@hookimpl
def opwright_register_ops(register):
    register(saving)
