"""einsum(equation, *inputs): sums of products named by letters, made of transposes, reshapes and matrix products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from opwright import convert_to_tensor, export, ops
from opwright.errors import ArgumentError, ShapeError

from opwright_math.matmul import matmul
from opwright_math.reduce import reduce_sum

Labels = tuple[str, ...]  # one for each dimension: a letter, or "...2" for the second last that an ellipsis stands for


@export("einsum", "linalg.einsum")
def einsum(equation: str, *inputs: Any, name: str | None = None) -> Any:
    """The sum of products that the equation names, as NumPy's `einsum`: "ij,jk->ik" multiplies matrices.

    Letters that the output lacks are summed over; letters an operand repeats take its diagonal; "..." stands for
    dimensions that broadcast. Without "->" the output has the letters that occur once, sorted. Raises ArgumentError or
    ShapeError where equation and inputs do not fit.
    """
    if len(inputs) == 1 and isinstance(inputs[0], (list, tuple)):
        inputs = tuple(inputs[0])
    tensors = [convert_to_tensor(x) for x in inputs]
    labels, output = _parse(equation, tensors)
    sizes = _sizes(equation, labels, tensors)
    terms = [_diagonal(x, mine) for x, mine in zip(tensors, labels, strict=True)]
    for left, right in _order(equation, terms, output, sizes):
        pair = [terms.pop(i) for i in sorted((left, right), reverse=True)][::-1]
        needed = {d for _, mine in terms for d in mine} | set(output)
        terms.append(contract(pair[0], pair[1], needed))
    x, mine = _summed(terms[0], set(output))
    return (
        ops.transpose(x, [mine.index(d) for d in output], name=name) if mine != output else ops.identity(x, name=name)
    )


# -- the equation ------------------------------------------------------------------------------------------------------


def _parse(equation: str, tensors: Sequence[Any]) -> tuple[list[Labels], Labels]:
    text = equation.replace(" ", "")
    left, arrow, right = text.partition("->")
    parts = left.split(",")
    if len(parts) != len(tensors):
        raise ArgumentError(f"[einsum] the equation names {len(parts)} inputs, got {len(tensors)}: {equation!r}")
    labels = [_spelled(part, x.shape.rank, equation) for part, x in zip(parts, tensors, strict=True)]
    dots = [d for mine in labels for d in mine if d.startswith("...")]
    spread = tuple(f"...{i}" for i in range(max((int(d[3:]) for d in dots), default=0), 0, -1))
    if arrow:
        output = _output(right, spread, equation)
    else:
        letters = [d for mine in labels for d in mine if not d.startswith("...")]
        output = (*spread, *sorted(d for d in set(letters) if letters.count(d) == 1))
    known = {d for mine in labels for d in mine}
    unknown = [d for d in output if d not in known]
    if unknown or len(set(output)) != len(output):
        what = f"{unknown[0]!r} stands in no input" if unknown else "a letter stands there twice"
        raise ArgumentError(f"[einsum] the output's letters must be the inputs', each once, and {what}: {equation!r}")
    return labels, output


def _spelled(part: str, rank: int | None, equation: str) -> Labels:
    """The labels of an input's dimensions; an ellipsis's are counted from the last, where broadcasting begins."""
    before, dots, after = part.partition("...")
    if not (before + after).isalpha() and before + after:
        raise ArgumentError(f"[einsum] inputs must be named by letters and one '...', got {part!r} in {equation!r}")
    if rank is None:
        raise ShapeError(f"[einsum] inputs must have known ranks, got an unknown one for {part!r}")
    extra = rank - len(before) - len(after)
    if extra < 0 or (extra and not dots):
        least = "at least " if dots else ""
        raise ShapeError(f"[einsum] {part!r} needs {least}{rank - extra} dimensions, got {rank}, in {equation!r}")
    return (*before, *(f"...{i}" for i in range(extra, 0, -1)), *after)


def _output(right: str, spread: Labels, equation: str) -> Labels:
    before, dots, after = right.partition("...")
    if spread and not dots:
        raise ArgumentError(f"[einsum] the output must have the inputs' '...', got {right!r} in {equation!r}")
    return (*before, *(spread if dots else ()), *after)


def _sizes(equation: str, labels: Sequence[Labels], tensors: Sequence[Any]) -> dict[str, int | None]:
    """The size of each label, as far as it is known. Raises ShapeError where inputs disagree."""
    sizes: dict[str, int | None] = {}
    for mine, x in zip(labels, tensors, strict=True):
        for label, size in zip(mine, x.shape, strict=True):
            known = sizes.get(label)
            if known is None or (known == 1 and label.startswith("...")):
                sizes[label] = size if size is not None else known
            elif size not in (None, known) and not (size == 1 and label.startswith("...")):
                what = label if not label.startswith("...") else "..."
                raise ShapeError(f"[einsum] {what!r} must have one size, got {known} and {size} in {equation!r}")
    return sizes


def _order(
    equation: str, terms: Sequence[tuple[Any, Labels]], output: Labels, sizes: dict[str, int | None]
) -> list[tuple[int, int]]:
    """The pairs to contract, one after the other; the result goes to the end. NumPy's greedy search finds the order."""
    if len(terms) <= 2:
        return [(0, 1)] * (len(terms) - 1)
    letters = {label: chr(ord("a") + i) if i < 26 else chr(ord("A") + i - 26) for i, label in enumerate(sizes)}
    spelled = [",".join("".join(letters[d] for d in mine) for _, mine in terms), "".join(letters[d] for d in output)]
    guess = {d: 16 if s is None else max(s, 1) for d, s in sizes.items()}  # any size serves where it is not known
    shapes = [np.broadcast_to(np.float32(0), [guess[d] for d in mine]) for _, mine in terms]
    path = np.einsum_path("->".join(spelled), *shapes, optimize="greedy")[0][1:]
    found: list[tuple[int, int]] = []
    for step in path:
        first, second, *rest = sorted(step)
        found.append((first, second))
        for i, at in enumerate(rest):  # what stood before them is gone, and the result so far is the last
            found.append((at - 2 - i, len(terms) - len(found) - 1))
    return found


# -- the products ------------------------------------------------------------------------------------------------------


def _diagonal(x: Any, labels: Labels) -> tuple[Any, Labels]:
    """The tensor with each label once: repeated ones take the diagonal."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            i, j = [k for k, d in enumerate(labels) if d == label][:2]
            rest = [k for k in range(len(labels)) if k not in (i, j)]
            x = ops.matrix_diag_part(ops.transpose(x, [*rest, i, j]))
            labels = (*(labels[k] for k in rest), label)
    return x, labels


def _summed(term: tuple[Any, Labels], needed: set[str]) -> tuple[Any, Labels]:
    """The tensor without the dimensions that nobody needs."""
    x, labels = term
    gone = [i for i, d in enumerate(labels) if d not in needed]
    return (reduce_sum(x, gone) if gone else x), tuple(d for d in labels if d in needed)


def contract(a: tuple[Any, Labels], b: tuple[Any, Labels], needed: set[str]) -> tuple[Any, Labels]:
    """The product of two labelled tensors, summed over the labels that both have and nobody needs."""
    x, mine = _summed(a, needed | set(b[1]))
    y, theirs = _summed(b, needed | set(mine))
    inner = tuple(d for d in mine if d in theirs and d not in needed)
    both = tuple(d for d in mine if d in theirs and d in needed)
    left, right = tuple(d for d in mine if d not in theirs), tuple(d for d in theirs if d not in mine)
    if not inner:
        return _multiplied((x, mine), (y, theirs), (*both, *left, *right))
    x = ops.transpose(x, [mine.index(d) for d in (*both, *left, *inner)])
    y = ops.transpose(y, [theirs.index(d) for d in (*both, *inner, *right)])
    flat_x = _joined(x, [len(both), len(left), len(inner)])
    flat_y = _joined(y, [len(both), len(inner), len(right)])
    made = matmul(flat_x, flat_y)
    if len(left) != 1 or len(right) != 1:
        ends = [*_dims(x)[len(both) : len(both) + len(left)], *_dims(y)[len(both) + len(inner) :]]
        made = ops.reshape(made, [*_dims(made)[: len(both)], *ends])
    return made, (*both, *left, *right)


def _multiplied(a: tuple[Any, Labels], b: tuple[Any, Labels], labels: Labels) -> tuple[Any, Labels]:
    """The product of two labelled tensors that broadcast against each other."""
    return _spread(*a, labels) * _spread(*b, labels), labels


def _spread(x: Any, mine: Labels, labels: Labels) -> Any:
    """x with its dimensions in the labels' order, of size 1 where it has none."""
    x = ops.transpose(x, [mine.index(d) for d in labels if d in mine])
    for i, label in enumerate(labels):
        if label not in mine:
            x = ops.expand_dims(x, i)
    return x


def _joined(x: Any, counts: list[int]) -> Any:
    """The dimensions as they are for the first count, then one for all of each other count."""
    batch = counts[0]
    if counts[1:] == [1, 1]:
        return x
    dims = _dims(x)
    middle = _product(dims[batch : batch + counts[1]])
    last = _product(dims[batch + counts[1] :])
    return ops.reshape(x, [*dims[:batch], middle, last])


def _dims(x: Any) -> list[Any]:
    """The sizes, as tensors where they are not known."""
    if x.shape.is_known:
        return list(x.shape.known())
    sizes = ops.shape(x)
    return [d if d is not None else sizes[i] for i, d in enumerate(x.shape)]


def _product(sizes: Sequence[Any]) -> Any:
    known = math.prod(s for s in sizes if isinstance(s, int))
    for size in sizes:
        if not isinstance(size, int):
            known = size * known
    return known
