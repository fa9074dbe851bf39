"""Control flow: choices and loops that run inside a step, without Python."""

from opwright import hookimpl

from opwright_control import branch, cond, funcgraph, functional, loop, nest, tensor_array, while_loop


@hookimpl
def opwright_register_ops(register):
    register(branch, loop, funcgraph, cond, while_loop, functional, tensor_array, nest)
