"""Adagrad, by dual averaging, with proximal steps."""

from __future__ import annotations

from typing import Any

from opwright import OpDef, dtypes, export, ops
from opwright.errors import ArgumentError

from opwright_train.fused import FusedOptimizer, dense_shapes, sparse_shapes

apply_adagrad = OpDef(
    "apply_adagrad(vars: list[ref[T]], accums: list[ref[T]], grads: list[T], lr: T['']) -> ()",
    T=dtypes.floats,
    gradient=None,
)
sparse_apply_adagrad = OpDef(
    "sparse_apply_adagrad(var: ref[T], accum: ref[T], grad: T, indices: I['n'], lr: T['']) -> ()",
    T=dtypes.floats,
    I=dtypes.indices,
    gradient=None,
)
apply_adagrad_da = OpDef(
    "apply_adagrad_da(vars: list[ref[T]], accums: list[ref[T]], squares: list[ref[T]], grads: list[T], lr: T[''],"
    " l1: T[''], l2: T[''], global_step: T['']) -> ()",
    T=dtypes.floats,
    gradient=None,
)
sparse_apply_adagrad_da = OpDef(
    "sparse_apply_adagrad_da(var: ref[T], accum: ref[T], squares: ref[T], grad: T, indices: I['n'], lr: T[''],"
    " l1: T[''], l2: T[''], global_step: T['']) -> ()",
    T=dtypes.floats,
    I=dtypes.indices,
    gradient=None,
)
apply_proximal_adagrad = OpDef(
    "apply_proximal_adagrad(vars: list[ref[T]], accums: list[ref[T]], grads: list[T], lr: T[''], l1: T[''], l2: T[''])"
    " -> ()",
    T=dtypes.floats,
    gradient=None,
)
sparse_apply_proximal_adagrad = OpDef(
    "sparse_apply_proximal_adagrad(var: ref[T], accum: ref[T], grad: T, indices: I['n'], lr: T[''], l1: T[''],"
    " l2: T['']) -> ()",
    T=dtypes.floats,
    I=dtypes.indices,
    gradient=None,
)

for _op in (apply_adagrad, apply_adagrad_da, apply_proximal_adagrad):
    _op.shape(dense_shapes)
for _op in (sparse_apply_adagrad, sparse_apply_adagrad_da, sparse_apply_proximal_adagrad):
    _op.shape(sparse_shapes)


def _positive(value: float, optimizer: str, name: str) -> float:
    if value <= 0.0:
        raise ArgumentError(f"[{optimizer}] {name} must be positive, got {value}")
    return value


@export("train.AdagradOptimizer")
class AdagradOptimizer(FusedOptimizer):
    """accum += gradient^2; var -= learning_rate * gradient / sqrt(accum). The slot is called "accumulator".

    Raises ArgumentError unless initial_accumulator_value is positive.
    """

    slots = ("accumulator",)

    def __init__(
        self,
        learning_rate: Any,
        initial_accumulator_value: float = 0.1,
        use_locking: bool = False,
        name: str = "Adagrad",
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._initial = _positive(initial_accumulator_value, name, "initial_accumulator_value")

    def _create_slots(self, var_list: list[Any]) -> None:
        for var in var_list:
            self._filled_slot(var, self._initial, "accumulator")

    def _ops(self) -> tuple[Any, Any]:
        return apply_adagrad, sparse_apply_adagrad

    def _hyper(self, dtype: Any) -> list[Any]:
        return [self._scalar(self._learning_rate, dtype)]


@export("train.AdagradDAOptimizer")
class AdagradDAOptimizer(FusedOptimizer):
    """Adagrad by dual averaging: the variable follows from the sums g of the gradients and gg of their squares.

    var = -sign(g) learning_rate max(abs(g) - l1 t, 0) / (l2 t learning_rate + sqrt(gg)), t = global_step + 1. The slots
    are called "gradient_accumulator" and "gradient_squared_accumulator". Raises ArgumentError unless
    initial_gradient_squared_accumulator_value is positive.
    """

    slots = ("gradient_accumulator", "gradient_squared_accumulator")

    def __init__(
        self,
        learning_rate: Any,
        global_step: Any,
        initial_gradient_squared_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        use_locking: bool = False,
        name: str = "AdagradDA",
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._global_step = global_step
        self._initial = _positive(
            initial_gradient_squared_accumulator_value, name, "initial_gradient_squared_accumulator_value"
        )
        self._l1 = l1_regularization_strength
        self._l2 = l2_regularization_strength

    def _create_slots(self, var_list: list[Any]) -> None:
        for var in var_list:
            self._filled_slot(var, 0.0, "gradient_accumulator")
            self._filled_slot(var, self._initial, "gradient_squared_accumulator")

    def _ops(self) -> tuple[Any, Any]:
        return apply_adagrad_da, sparse_apply_adagrad_da

    def _hyper(self, dtype: Any) -> list[Any]:
        step = ops.cast(ops.add(self._global_step, 1), dtype)
        return [*(self._scalar(value, dtype) for value in (self._learning_rate, self._l1, self._l2)), step]


@export("train.ProximalAdagradOptimizer")
class ProximalAdagradOptimizer(FusedOptimizer):
    """Adagrad's rate in a proximal step: accum += gradient^2; rate = learning_rate / sqrt(accum);
    v = var - rate * gradient; var = sign(v) max(abs(v) - rate l1, 0) / (1 + rate l2). The slot is called "accumulator".

    Raises ArgumentError unless initial_accumulator_value is positive.
    """

    slots = ("accumulator",)

    def __init__(
        self,
        learning_rate: Any,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        use_locking: bool = False,
        name: str = "ProximalAdagrad",
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._initial = _positive(initial_accumulator_value, name, "initial_accumulator_value")
        self._l1 = l1_regularization_strength
        self._l2 = l2_regularization_strength

    def _create_slots(self, var_list: list[Any]) -> None:
        for var in var_list:
            self._filled_slot(var, self._initial, "accumulator")

    def _ops(self) -> tuple[Any, Any]:
        return apply_proximal_adagrad, sparse_apply_proximal_adagrad

    def _hyper(self, dtype: Any) -> list[Any]:
        return [self._scalar(value, dtype) for value in (self._learning_rate, self._l1, self._l2)]
