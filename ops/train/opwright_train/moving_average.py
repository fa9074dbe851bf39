"""train.ExponentialMovingAverage: shadows that follow variables and tensors: decay shadow + (1 - decay) value."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from opwright import convert_to_tensor, export, ops, scopes
from opwright.errors import ArgumentError


def _of_variable(value: Any) -> bool:
    return hasattr(value, "initialized_value")


@export("train.ExponentialMovingAverage")
class ExponentialMovingAverage:
    """Keeps moving averages of variables and tensors in variables of its own.

    `apply` moves them. A variable's average starts from its initial value; a tensor's starts from 0, and what
    `average` gives is corrected for that (divided by 1 - decay^updates), as is a variable's with zero_debias. With
    num_updates the decay is min(decay, (1 + num_updates) / (10 + num_updates)).
    """

    def __init__(
        self,
        decay: Any,
        num_updates: Any = None,
        zero_debias: bool = False,
        name: str = "ExponentialMovingAverage",
    ) -> None:
        self.name = name
        self._decay = decay
        self._num_updates = num_updates
        self._zero_debias = zero_debias
        self._shadows: dict[int, tuple[Any, Any, Any]] = {}  # by id: what is followed, its shadow, its weight

    def apply(self, var_list: Any = None) -> Any:
        """An operation that moves the averages of variables or tensors (by default of the trainable variables).

        Eagerly it moves them at once. Raises ArgumentError for what is not floating.
        """
        followed = list(ops.trainable_variables() if var_list is None else var_list)
        for value in followed:
            if not value.dtype.is_floating:
                raise ArgumentError(f"[{self.name}] averages are of floats, got {value.dtype.name} in {value}")
            if id(value) not in self._shadows:
                self._shadows[id(value)] = (value, *self._follow(value))
        graph = scopes.current_graph()
        with graph.name_scope(self.name) if graph is not None else nullcontext():
            moved = [self._move(*self._shadows[id(value)]) for value in followed]
            return ops.group(*moved, name="apply") if graph is not None else None

    def _follow(self, value: Any) -> tuple[Any, Any]:
        """A shadow of a variable or tensor, and the variable that holds 1 - decay^updates, if it takes one."""
        debiased = self._zero_debias or not _of_variable(value)
        graph = scopes.current_graph()
        name = f"{(value.op.name if graph is not None else value.name.partition(':')[0])}/{self.name}"
        with graph.name_scope(None) if graph is not None else nullcontext():
            first = ops.zeros(list(value.shape.known()), value.dtype) if debiased else value.initialized_value()
            shadow = ops.Variable(first, trainable=False, name=name)
            weight = (
                ops.Variable(ops.zeros([], value.dtype), trainable=False, name=f"{name}/biased") if debiased else None
            )
        if graph is not None and _of_variable(value) and value not in graph.get_collection("moving_average_variables"):
            graph.add_to_collection("moving_average_variables", value)
        return shadow, weight

    def _move(self, value: Any, shadow: Any, weight: Any) -> Any:
        rate = convert_to_tensor(1 - self._decay, shadow.dtype)
        if self._num_updates is not None:
            n = ops.cast(convert_to_tensor(self._num_updates), shadow.dtype)
            rate = ops.maximum(rate, 9 / (10 + n))  # 1 - (1 + n) / (10 + n)
        moved = shadow.assign_sub((shadow - value) * rate)
        return moved if weight is None else ops.group(moved, weight.assign_add((1 - weight) * rate))

    def average(self, var: Any) -> Any:
        """The average of a variable or tensor, None before `apply`: a variable, or where it is corrected for its start
        from 0 a tensor."""
        if id(var) not in self._shadows:
            return None
        _, shadow, weight = self._shadows[id(var)]
        return shadow if weight is None else ops.divide_no_nan(shadow, weight)

    def average_name(self, var: Any) -> str:
        """The name of the variable that holds, or would hold, the average."""
        return f"{var.op.name}/{self.name}"

    def variables_to_restore(self, moving_avg_variables: Any = None) -> dict[str, Any]:
        """Names for a Saver that gives variables the values of their averages, and others their own."""
        averaged = list(ops.trainable_variables() if moving_avg_variables is None else moving_avg_variables)
        found = {self.average_name(v): v for v in averaged}
        names = {v.op.name for v in averaged} | set(found)
        return found | {v.op.name: v for v in ops.global_variables() if v.op.name not in names}
