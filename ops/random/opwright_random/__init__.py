"""Random numbers."""

from opwright import hookimpl

from opwright_random import fill, generator, initializers, scaled_initializers, seeds, stateless


@hookimpl
def opwright_register_ops(register):
    register(seeds, fill, stateless, generator, initializers, scaled_initializers)
