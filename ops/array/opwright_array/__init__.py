"""Ops that make, shape and rearrange tensors."""

from opwright import hookimpl

from opwright_array import (
    assertions,
    blocks,
    callbacks,
    checks,
    constants,
    convert,
    divide,
    gather,
    indexing,
    join,
    matrix,
    one_hot,
    order,
    pad,
    partition,
    passing,
    placeholders,
    reshape,
    scatter,
    select,
    series,
    sets,
    shapes,
    slices,
    tile,
)


@hookimpl
def opwright_register_ops(register):
    register(constants, placeholders, passing, shapes, reshape, join, divide, slices, indexing, select)
    register(gather, scatter, one_hot, series, convert, pad, tile, matrix, order, blocks, sets, partition)
    register(checks, callbacks, assertions)
