"""The tape, and functions made from functions: gradients of all orders, and batches."""

from opwright import hookimpl

from opwright_autodiff import custom, tape, transforms, vectorized


@hookimpl
def opwright_register_ops(register):
    register(tape, transforms, custom, vectorized)
