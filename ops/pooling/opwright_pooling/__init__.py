"""Max and average pooling over one to three dimensions."""

from opwright import hookimpl

from opwright_pooling import avg_pool, max_pool, pooling


@hookimpl
def opwright_register_ops(register):
    register(max_pool, avg_pool)  # the ops behind the functions of nn
    register(pooling)
