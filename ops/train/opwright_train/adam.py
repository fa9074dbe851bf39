"""Adam."""

from __future__ import annotations

from typing import Any

from opwright import OpDef, dtypes, export, ops, scopes

from opwright_train.fused import FusedOptimizer, dense_shapes, sparse_shapes
from opwright_train.naming import after

apply_adam = OpDef(
    "apply_adam(vars: list[ref[T]], ms: list[ref[T]], vs: list[ref[T]], grads: list[T], lr: T[''], beta1_power: T[''],"
    " beta2_power: T[''], beta1: T[''], beta2: T[''], epsilon: T['']) -> ()",
    T=dtypes.floats,
    gradient=None,
)
sparse_apply_adam = OpDef(
    "sparse_apply_adam(var: ref[T], m: ref[T], v: ref[T], grad: T, indices: I['n'], lr: T[''], beta1_power: T[''],"
    " beta2_power: T[''], beta1: T[''], beta2: T[''], epsilon: T['']) -> ()",
    T=dtypes.floats,
    I=dtypes.indices,
    gradient=None,
)
apply_adam.shape(dense_shapes)
sparse_apply_adam.shape(sparse_shapes)

update_powers = OpDef(
    "update_powers(powers: list[ref[T['']]], factors: list[T['']]) -> ()",
    T=dtypes.floats,
    gradient=None,
)
update_powers.shape(dense_shapes)


@export("train.AdamOptimizer")
class AdamOptimizer(FusedOptimizer):
    """m = beta1 m + (1 - beta1) gradient; v = beta2 v + (1 - beta2) gradient^2;
    var -= learning_rate sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon), t the number of the step.

    The slots are called "m" and "v"; two variables hold beta1^t and beta2^t. Rows that a sparse gradient does not name
    move on by their m, as in TensorFlow.
    """

    slots = ("m", "v")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta1: Any = 0.9,
        beta2: Any = 0.999,
        epsilon: Any = 1e-8,
        use_locking: bool = False,
        name: str = "Adam",
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._betas = beta1, beta2
        self._epsilon = epsilon

    def _create_slots(self, var_list: list[Any]) -> None:
        first = min(var_list, key=lambda v: str(v.name))
        dtype = "float64" if any(v.dtype == "float64" for v in var_list) else "float32"
        for beta, name in zip(self._betas, ("beta1_power", "beta2_power"), strict=True):
            self._create_non_slot_variable(lambda beta=beta: self._scalar(beta, dtypes.BY_NAME[dtype]), name, first)
        for var in var_list:
            self._zeros_slot(var, "m", self._name)
            self._zeros_slot(var, "v", self._name)

    def _powers(self) -> list[Any]:
        graph = scopes.home_graph()
        return [self._get_non_slot_variable(name, graph) for name in ("beta1_power", "beta2_power")]

    def _ops(self) -> tuple[Any, Any]:
        return apply_adam, sparse_apply_adam

    def _hyper(self, dtype: Any) -> list[Any]:
        values = self._learning_rate, *self._powers(), *self._betas, self._epsilon
        return [self._scalar(value, dtype) for value in values]

    def _finish(self, update_ops: list[Any], name: str | None) -> Any:
        powers = self._powers()
        with after(update_ops):
            advanced = update_powers(powers, [self._scalar(b, p.dtype) for b, p in zip(self._betas, powers)])
        return ops.group(*update_ops, advanced, name=name)
