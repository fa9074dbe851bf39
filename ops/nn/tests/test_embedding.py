"""embedding_lookup: one matrix and parts of one, norms, gradients."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, OutOfRangeError, ShapeError
from opwright.testing import case, check_op


def test_one_matrix(rng):
    ids = np.array([[0, 3], [4, 3]])
    check_op(ow.nn.embedding_lookup, [case(rng.normal(size=(5, 3)), ids)], lambda params, i: params[i])


@pytest.mark.parametrize("strategy", ["mod", "div"])
@pytest.mark.parametrize("rows", [7, 6])
def test_parts_of_a_matrix(strategy, rows, rng):
    whole, ids = rng.normal(size=(rows, 3)), np.array([[0, 5, 2], [4, 4, 1]])
    parts = [whole[k::3] for k in range(3)] if strategy == "mod" else np.array_split(whole, 3)

    def op(parts, ids):
        return ow.nn.embedding_lookup(parts, ids, partition_strategy=strategy)

    check_op(op, [case(list(parts), ids)], lambda parts, ids: whole.astype(parts[0].dtype)[ids], dtypes=("float64",))


def test_max_norm(rng):
    params, ids = 2 * rng.normal(size=(5, 3)), np.array([0, 3, 3])

    def reference(params, ids):
        rows = params[ids]
        return rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1)

    check_op(lambda p, i: ow.nn.embedding_lookup(p, i, max_norm=1.0), [case(params, ids)], reference)


def test_errors(rng):
    params = rng.normal(size=(5, 3))
    with pytest.raises(
        ArgumentError, match=r"\[embedding_lookup\] partition_strategy must be 'mod' or 'div', got 'odd'"
    ):
        ow.nn.embedding_lookup(params, [0], partition_strategy="odd")
    with pytest.raises(ShapeError, match=r"params must hold at least one tensor, got none"):
        ow.nn.embedding_lookup([], [0])
    with pytest.raises(ShapeError, match=r"params must have rows of one shape, got \(3,\) and \(2,\)"):
        ow.nn.embedding_lookup([params, params[:, :2]], [0])
    with pytest.raises(OutOfRangeError, match="5"):
        ow.nn.embedding_lookup(params, [5])


@pytest.mark.parametrize("strategy", ["mod", "div"])
@pytest.mark.parametrize("bad", [-1, 7, 2**31 - 1])
def test_ids_out_of_range(strategy, bad):
    parts = [np.zeros((3, 2)), np.zeros((2, 2)), np.zeros((2, 2))]
    with pytest.raises(OutOfRangeError, match=f"ids must be rows of params, of which there are 7, got {bad}"):
        ow.nn.embedding_lookup(parts, [0, 6, bad], partition_strategy=strategy)
