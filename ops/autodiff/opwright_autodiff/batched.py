"""Batched: a batch of examples that looks like one example to the ops that it is given to.

An op whose signature says that leading dimensions are a batch ('*b n',
'...', 'm k' behind them) runs once on the whole batch; of reductions and the like the axes are counted on by one. Any
other op runs example by example, and its results are stacked: always right, not always fast.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opwright import OpDef, Shape, convert_to_tensor, ops
from opwright.operators import Operators

from opwright_autodiff.structure import flat, packed

_HARMLESS = frozenset(("bool", "float", "floats", "str", "dtype"))  # kinds of attributes that name no dimension


class Batched(Operators):
    """`value` has the batch as its first dimension.

    Of batches of different vmaps those of the innermost, which have the highest level, are dealt with first: beside
    them the others look like tensors.
    """

    def __init__(self, value: Any, level: int) -> None:
        self.value = value
        self.level = level

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    @property
    def shape(self) -> Shape:
        return self.value.shape[1:]  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int | None:
        return self.shape.rank

    @property
    def is_ref(self) -> bool:
        return False

    def get_shape(self) -> Shape:
        return self.shape

    def static_value(self) -> Any:
        return None

    def __len__(self) -> int:
        return self.shape[0]  # type: ignore[no-any-return]

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        raise TypeError(f"[vmap] an example of a batch has no truth value of its own, got {self}; use where")

    def __repr__(self) -> str:
        return f"<Batched shape={self.shape} dtype={self.dtype.name}>"

    def __opwright_call__(self, definition: OpDef, given: dict[str, Any], attributes: dict[str, Any]) -> Any:
        """What the op gives for each example."""
        level = max(v.level for v in _leaves(given) if isinstance(v, Batched))
        n = next(v.value.shape[0] for v in _leaves(given) if _is_of(v, level))
        arguments = _lifted(definition, given, attributes, level, n)
        if arguments is not None:
            made = definition(**arguments)
        else:
            made = _stacked([_row(definition, given, attributes, level, i) for i in range(n)])
        if made is None:
            return None
        return [Batched(m, level) for m in made] if isinstance(made, (list, tuple)) else Batched(made, level)


def _is_of(value: Any, level: int) -> bool:
    return isinstance(value, Batched) and value.level == level


def _leaves(given: dict[str, Any]) -> list[Any]:
    return list(flat(list(given.values())))


def _row(definition: OpDef, given: dict[str, Any], attributes: dict[str, Any], level: int, i: int) -> Any:
    def pick(value: Any) -> Any:
        return value.value[i] if _is_of(value, level) else value

    picked = {name: packed(v, iter([pick(leaf) for leaf in flat(v)])) for name, v in given.items()}
    return definition(**picked, **attributes)


def _stacked(rows: list[Any]) -> Any:
    if rows[0] is None:
        return None
    if isinstance(rows[0], (list, tuple)):
        return [ops.stack(list(column)) for column in zip(*rows, strict=True)]
    return ops.stack(rows)


def _lifted(
    definition: OpDef, given: dict[str, Any], attributes: dict[str, Any], level: int, n: int
) -> dict[str, Any] | None:
    """The arguments of one call for the whole batch; None if the signature does not say how."""
    args = definition.schema.tensors
    values = [v for v in _leaves(given) if v is not None]
    if definition.stateful or not all(hasattr(v, "dtype") or isinstance(v, (int, float)) for v in values):
        return None
    leads = [(arg.dims or ("",))[0] for arg in (*args, *definition.schema.outputs)]
    changed = _attributes(definition, attributes, [v for v in values if _is_of(v, level)])
    if changed is None:
        return None

    def lifted(batched: Callable[[Any], Any], other: Callable[[Any], Any] = lambda u: u) -> dict[str, Any]:
        def one(value: Any) -> Any:
            return value if value is None else batched(value) if _is_of(value, level) else other(value)

        return {name: packed(v, iter([one(leaf) for leaf in flat(v)])) for name, v in given.items()} | changed

    if all(lead == "..." for lead in leads):
        rank = max(len(v.shape if hasattr(v, "dtype") else ()) for v in values)
        return lifted(lambda b: _padded(b, rank))
    if len(set(leads)) == 1 and leads[0].startswith("*"):
        return lifted(lambda b: b.value, lambda u: repeated(u, n))
    single = len(args) == 1 and not args[0].is_list and "axis" in attributes
    return lifted(lambda b: b.value) if single else None


def _padded(batch: Batched, rank: int) -> Any:
    """The batch with dimensions of size 1 after its first, so that examples of lower rank broadcast."""
    missing = rank - len(batch.shape)
    value = batch.value
    return ops.reshape(value, [value.shape[0], *[1] * missing, *batch.shape]) if missing else value


def repeated(value: Any, n: int) -> Any:
    tensor = convert_to_tensor(value)
    return ops.broadcast_to(tensor, [n, *tensor.shape.known()])


def _attributes(definition: OpDef, attributes: dict[str, Any], batches: list[Batched]) -> dict[str, Any] | None:
    """The attributes for the batch: axes counted on by one. None if one may name a dimension in another way."""
    changed = dict(attributes)
    for attribute in definition.schema.attributes:
        axis = attributes[attribute.name]
        if attribute.name != "axis" or attribute.kind not in ("int", "ints"):
            if attribute.kind not in _HARMLESS:
                return None
        elif axis is not None:
            moved = tuple(a + 1 if a >= 0 else a for a in ((axis,) if isinstance(axis, int) else axis))
            changed["axis"] = moved[0] if isinstance(axis, int) else moved
        elif attribute.kind == "ints" and "keepdims" in attributes and len(batches) == 1:  # a reduction, of all axes
            changed["axis"] = tuple(range(1, 1 + len(batches[0].shape)))
        else:
            return None
    return changed


def innermost(value: Any) -> Any:
    """The tensor inside of a batch, or batch of batches."""
    while isinstance(value, Batched):
        value = value.value
    return value


def levels(value: Any) -> tuple[int, ...]:
    """Of which vmaps a value is a batch."""
    return (value.level, *levels(value.value)) if isinstance(value, Batched) else ()


def rebatched(value: Any, like: Any) -> Any:
    """A tensor as a batch like another one."""
    return Batched(rebatched(value, like.value), like.level) if isinstance(like, Batched) else value
