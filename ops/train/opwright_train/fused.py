"""Optimizers whose step is one operation for all variables of a dtype; and the shapes such operations check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opwright import IndexedSlices, Shape

from opwright_train.optimizer import Optimizer


class FusedOptimizer(Optimizer):
    """An optimizer with an op for lists of variables and one for rows of a variable.

    Both take the variables, each kind of slot, the gradients (rows: and their indices), and what _hyper gives.
    """

    slots: tuple[str, ...] = ()

    def _ops(self) -> tuple[Any, Any]:
        """The dense op and the sparse one."""
        raise NotImplementedError(f"{type(self).__name__} must define _ops")

    def _hyper(self, dtype: Any) -> list[Any]:
        """The hyper-parameters as tensors of a dtype, in the ops' order."""
        raise NotImplementedError(f"{type(self).__name__} must define _hyper")

    def _slots_of(self, var: Any) -> list[Any]:
        return [self.get_slot(var, name) for name in self.slots]

    def _updates(self, pairs: Sequence[tuple[Any, Any]]) -> list[Any]:
        hyper: dict[Any, list[Any]] = {}
        dense, sparse = self._ops()
        groups: dict[Any, list[tuple[Any, Any]]] = {}
        updates: list[Any] = []
        for gradient, var in pairs:
            if var.dtype not in hyper:
                hyper[var.dtype] = self._hyper(var.dtype)
            if isinstance(gradient, IndexedSlices):
                rows = gradient.values, gradient.indices
                updates.append(sparse(var, *self._slots_of(var), *rows, *hyper[var.dtype], name="sparse_apply"))
                continue
            # A variable that is there twice is changed by a second operation.
            earlier = sum(var is v for group in groups.values() for _, v in group)
            groups.setdefault((var.dtype, var.device, earlier), []).append((gradient, var))
        for (dtype, _, _), group in groups.items():
            lists = [[self.get_slot(v, name) for _, v in group] for name in self.slots]
            listed = [v for _, v in group], *lists, [g for g, _ in group]
            updates.append(dense(*listed, *hyper[dtype], name="apply"))
        constrained = {id(v): v for _, v in pairs if v.constraint is not None}.values()
        return updates + [self._constrained(updates, v) for v in constrained]


def dense_shapes(c: Any) -> tuple[Shape, ...]:
    """Checks that each variable, its slots and its gradient have one shape."""
    first, *others = [arg.name for arg in c.definition.schema.tensors if arg.is_list]
    wanted = c.shapes(first)
    for name in others:
        found = c.shapes(name)
        c.require(len(found) == len(wanted), f"{name} must hold {len(wanted)} tensors like {first}", len(found))
        for i, (want, got) in enumerate(zip(wanted, found, strict=True)):
            c.require(got.is_compatible_with(want), f"{name}[{i}] must have the variable's shape {want}", got)
    return ()


def sparse_shapes(c: Any) -> tuple[Shape, ...]:
    """Checks that slots have the variable's shape, and the gradient a row of it for each index."""
    names = [arg.name for arg in c.definition.schema.tensors]
    var, rows = c.shape("var"), c.shape("indices").dims
    c.require(var.rank != 0, "var must have at least 1 dimension", var)
    for name in names[1 : names.index("grad")]:
        c.require(c.shape(name).is_compatible_with(var), f"{name} must have the variable's shape {var}", c.shape(name))
    if var.dims is not None:
        want = Shape([rows[0] if rows else None, *var.dims[1:]])
        c.require(c.shape("grad").is_compatible_with(want), f"grad must have shape {want}", c.shape("grad"))
    return ()
