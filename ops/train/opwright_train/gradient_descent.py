"""Gradient descent, with momentum, with proximal steps."""

from __future__ import annotations

from typing import Any

from opwright import OpDef, dtypes, export

from opwright_train.fused import FusedOptimizer, dense_shapes, sparse_shapes

apply_gradient_descent = OpDef(
    "apply_gradient_descent(vars: list[ref[T]], grads: list[T], lr: T['']) -> ()", T=dtypes.floats, gradient=None
)
sparse_apply_gradient_descent = OpDef(
    "sparse_apply_gradient_descent(var: ref[T], grad: T, indices: I['n'], lr: T['']) -> ()",
    T=dtypes.floats,
    I=dtypes.indices,
    gradient=None,
)
apply_momentum = OpDef(
    "apply_momentum(vars: list[ref[T]], accums: list[ref[T]], grads: list[T], lr: T[''], momentum: T['']) -> ()",
    T=dtypes.floats,
    gradient=None,
)
sparse_apply_momentum = OpDef(
    "sparse_apply_momentum(var: ref[T], accum: ref[T], grad: T, indices: I['n'], lr: T[''], momentum: T['']) -> ()",
    T=dtypes.floats,
    I=dtypes.indices,
    gradient=None,
)
apply_nesterov_momentum = OpDef(
    "apply_nesterov_momentum(vars: list[ref[T]], accums: list[ref[T]], grads: list[T], lr: T[''], momentum: T[''])"
    " -> ()",
    T=dtypes.floats,
    gradient=None,
)
sparse_apply_nesterov_momentum = OpDef(
    "sparse_apply_nesterov_momentum(var: ref[T], accum: ref[T], grad: T, indices: I['n'], lr: T[''],"
    " momentum: T['']) -> ()",
    T=dtypes.floats,
    I=dtypes.indices,
    gradient=None,
)
apply_proximal_gradient_descent = OpDef(
    "apply_proximal_gradient_descent(vars: list[ref[T]], grads: list[T], lr: T[''], l1: T[''], l2: T['']) -> ()",
    T=dtypes.floats,
    gradient=None,
)
sparse_apply_proximal_gradient_descent = OpDef(
    "sparse_apply_proximal_gradient_descent(var: ref[T], grad: T, indices: I['n'], lr: T[''], l1: T[''], l2: T[''])"
    " -> ()",
    T=dtypes.floats,
    I=dtypes.indices,
    gradient=None,
)

for _op in (apply_gradient_descent, apply_momentum, apply_nesterov_momentum, apply_proximal_gradient_descent):
    _op.shape(dense_shapes)
for _op in (
    sparse_apply_gradient_descent,
    sparse_apply_momentum,
    sparse_apply_nesterov_momentum,
    sparse_apply_proximal_gradient_descent,
):
    _op.shape(sparse_shapes)


@export("train.GradientDescentOptimizer")
class GradientDescentOptimizer(FusedOptimizer):
    """var -= learning_rate * gradient. The learning rate may be a number, a tensor, or a function that returns one."""

    def __init__(self, learning_rate: Any, use_locking: bool = False, name: str = "GradientDescent") -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate

    def _ops(self) -> tuple[Any, Any]:
        return apply_gradient_descent, sparse_apply_gradient_descent

    def _hyper(self, dtype: Any) -> list[Any]:
        return [self._scalar(self._learning_rate, dtype)]


@export("train.MomentumOptimizer")
class MomentumOptimizer(FusedOptimizer):
    """accum = momentum * accum + gradient; var -= learning_rate * accum.

    With use_nesterov: var -= learning_rate * (gradient + momentum * accum). The slot is called "momentum".
    """

    slots = ("momentum",)

    def __init__(
        self,
        learning_rate: Any,
        momentum: Any,
        use_locking: bool = False,
        name: str = "Momentum",
        use_nesterov: bool = False,
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._momentum = momentum
        self._use_nesterov = use_nesterov

    def _create_slots(self, var_list: list[Any]) -> None:
        for var in var_list:
            self._zeros_slot(var, "momentum", self._name)

    def _ops(self) -> tuple[Any, Any]:
        if self._use_nesterov:
            return apply_nesterov_momentum, sparse_apply_nesterov_momentum
        return apply_momentum, sparse_apply_momentum

    def _hyper(self, dtype: Any) -> list[Any]:
        return [self._scalar(self._learning_rate, dtype), self._scalar(self._momentum, dtype)]


@export("train.ProximalGradientDescentOptimizer")
class ProximalGradientDescentOptimizer(FusedOptimizer):
    """v = var - learning_rate * gradient; var = sign(v) max(abs(v) - learning_rate l1, 0) / (1 + learning_rate l2)."""

    def __init__(
        self,
        learning_rate: Any,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        use_locking: bool = False,
        name: str = "ProximalGradientDescent",
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._l1 = l1_regularization_strength
        self._l2 = l2_regularization_strength

    def _ops(self) -> tuple[Any, Any]:
        return apply_proximal_gradient_descent, sparse_apply_proximal_gradient_descent

    def _hyper(self, dtype: Any) -> list[Any]:
        return [self._scalar(value, dtype) for value in (self._learning_rate, self._l1, self._l2)]
