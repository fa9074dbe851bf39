"""Follow the regularised leader."""

from __future__ import annotations

from typing import Any

from opwright import OpDef, dtypes, export
from opwright.errors import ArgumentError

from opwright_train.fused import FusedOptimizer, dense_shapes, sparse_shapes

apply_ftrl = OpDef(
    "apply_ftrl(vars: list[ref[T]], accums: list[ref[T]], linears: list[ref[T]], grads: list[T], lr: T[''], l1: T[''],"
    " l2: T[''], l2_shrinkage: T[''], lr_power: T['']) -> ()",
    T=dtypes.floats,
    gradient=None,
)
sparse_apply_ftrl = OpDef(
    "sparse_apply_ftrl(var: ref[T], accum: ref[T], linear: ref[T], grad: T, indices: I['n'], lr: T[''], l1: T[''],"
    " l2: T[''], l2_shrinkage: T[''], lr_power: T['']) -> ()",
    T=dtypes.floats,
    I=dtypes.indices,
    gradient=None,
)
# With lr_power = -1/2 the two above take roots; these take any power.
apply_ftrl_power = OpDef(
    "apply_ftrl_power(vars: list[ref[T]], accums: list[ref[T]], linears: list[ref[T]], grads: list[T], lr: T[''],"
    " l1: T[''], l2: T[''], l2_shrinkage: T[''], lr_power: T['']) -> ()",
    T=dtypes.floats,
    gradient=None,
)
sparse_apply_ftrl_power = OpDef(
    "sparse_apply_ftrl_power(var: ref[T], accum: ref[T], linear: ref[T], grad: T, indices: I['n'], lr: T[''],"
    " l1: T[''], l2: T[''], l2_shrinkage: T[''], lr_power: T['']) -> ()",
    T=dtypes.floats,
    I=dtypes.indices,
    gradient=None,
)

for _op in (apply_ftrl, apply_ftrl_power):
    _op.shape(dense_shapes)
for _op in (sparse_apply_ftrl, sparse_apply_ftrl_power):
    _op.shape(sparse_shapes)


@export("train.FtrlOptimizer")
class FtrlOptimizer(FusedOptimizer):
    """g = gradient + 2 l2_shrinkage var; accum_new = accum + g^2; with q(a) = a^-power / learning_rate:
    linear += g - (q(accum_new) - q(accum)) var;
    var = (l1 sign(linear) - linear) / (q(accum_new) + 2 l2) where abs(linear) > l1, else 0.

    The slots are called "accum" and "linear". Raises ArgumentError for an initial value or a strength below 0, or a
    learning_rate_power above 0.
    """

    slots = ("accum", "linear")

    def __init__(
        self,
        learning_rate: Any,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        use_locking: bool = False,
        name: str = "Ftrl",
        accum_name: str | None = None,
        linear_name: str | None = None,
        l2_shrinkage_regularization_strength: float = 0.0,
    ) -> None:
        super().__init__(use_locking, name)
        strengths = {
            "initial_accumulator_value": initial_accumulator_value,
            "l1_regularization_strength": l1_regularization_strength,
            "l2_regularization_strength": l2_regularization_strength,
            "l2_shrinkage_regularization_strength": l2_shrinkage_regularization_strength,
        }
        for argument, value in strengths.items():
            if value < 0:
                raise ArgumentError(f"[{name}] {argument} must not be negative, got {value}")
        if learning_rate_power > 0:
            raise ArgumentError(f"[{name}] learning_rate_power must not be positive, got {learning_rate_power}")
        self._arguments = learning_rate, *list(strengths.values())[1:], learning_rate_power
        self._initial = initial_accumulator_value
        self._names = accum_name or name, linear_name or name

    def _create_slots(self, var_list: list[Any]) -> None:
        for var in var_list:
            self._filled_slot(var, self._initial, "accum", self._names[0])
            self._filled_slot(var, 0.0, "linear", self._names[1])

    def _ops(self) -> tuple[Any, Any]:
        if self._arguments[-1] == -0.5:
            return apply_ftrl, sparse_apply_ftrl
        return apply_ftrl_power, sparse_apply_ftrl_power

    def _hyper(self, dtype: Any) -> list[Any]:
        return [self._scalar(value, dtype) for value in self._arguments]
