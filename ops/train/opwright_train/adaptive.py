"""Adadelta and RMSProp."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import OpDef, dtypes, export

from opwright_train.fused import FusedOptimizer, dense_shapes, sparse_shapes

apply_adadelta = OpDef(
    "apply_adadelta(vars: list[ref[T]], accums: list[ref[T]], updates: list[ref[T]], grads: list[T], lr: T[''],"
    " rho: T[''], epsilon: T['']) -> ()",
    T=dtypes.floats,
    gradient=None,
)
sparse_apply_adadelta = OpDef(
    "sparse_apply_adadelta(var: ref[T], accum: ref[T], update: ref[T], grad: T, indices: I['n'], lr: T[''],"
    " rho: T[''], epsilon: T['']) -> ()",
    T=dtypes.floats,
    I=dtypes.indices,
    gradient=None,
)
apply_rms_prop = OpDef(
    "apply_rms_prop(vars: list[ref[T]], squares: list[ref[T]], momenta: list[ref[T]], grads: list[T], lr: T[''],"
    " rho: T[''], momentum: T[''], epsilon: T['']) -> ()",
    T=dtypes.floats,
    gradient=None,
)
sparse_apply_rms_prop = OpDef(
    "sparse_apply_rms_prop(var: ref[T], square: ref[T], moment: ref[T], grad: T, indices: I['n'], lr: T[''],"
    " rho: T[''], momentum: T[''], epsilon: T['']) -> ()",
    T=dtypes.floats,
    I=dtypes.indices,
    gradient=None,
)
apply_centered_rms_prop = OpDef(
    "apply_centered_rms_prop(vars: list[ref[T]], means: list[ref[T]], squares: list[ref[T]], momenta: list[ref[T]],"
    " grads: list[T], lr: T[''], rho: T[''], momentum: T[''], epsilon: T['']) -> ()",
    T=dtypes.floats,
    gradient=None,
)
sparse_apply_centered_rms_prop = OpDef(
    "sparse_apply_centered_rms_prop(var: ref[T], mean: ref[T], square: ref[T], moment: ref[T], grad: T,"
    " indices: I['n'], lr: T[''], rho: T[''], momentum: T[''], epsilon: T['']) -> ()",
    T=dtypes.floats,
    I=dtypes.indices,
    gradient=None,
)

for _op in (apply_adadelta, apply_rms_prop, apply_centered_rms_prop):
    _op.shape(dense_shapes)
for _op in (sparse_apply_adadelta, sparse_apply_rms_prop, sparse_apply_centered_rms_prop):
    _op.shape(sparse_shapes)


def _moments(rng: Any, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Moving averages of gradients and of their squares, of which the latter are larger than the former's squares."""
    mean = rng.uniform(-1, 1, shape)
    return mean, np.square(mean) + rng.uniform(0.5, 1, shape)


_SCALARS = {"lr": 0.1, "rho": 0.9, "momentum": 0.5, "epsilon": 0.01}


@apply_centered_rms_prop.examples
def _centered_examples(rng: Any) -> list[dict[str, Any]]:
    found = []
    for shapes in (((3, 2), (7,)), ((0, 2),), ((1025, 3), ())):
        means, squares = zip(*(_moments(rng, s) for s in shapes), strict=True)
        variables, momenta, grads = ([rng.normal(size=s) for s in shapes] for _ in range(3))
        lists = {"vars": variables, "means": list(means), "squares": list(squares), "momenta": momenta}
        found.append({**lists, "grads": grads, **_SCALARS})
    return found


@sparse_apply_centered_rms_prop.examples
def _sparse_centered_examples(rng: Any) -> list[dict[str, Any]]:
    found = []
    for shape, rows in (((5, 2), (4, 0, 4)), ((3, 1025), (1,)), ((2, 3), ())):
        mean, square = _moments(rng, shape)
        var, moment, grad = (rng.normal(size=s) for s in (shape, shape, (len(rows), *shape[1:])))
        slots = {"var": var, "mean": mean, "square": square, "moment": moment}
        found.append({**slots, "grad": grad, "indices": np.array(rows, np.int32), **_SCALARS})
    return found


@export("train.AdadeltaOptimizer")
class AdadeltaOptimizer(FusedOptimizer):
    """accum = rho accum + (1 - rho) gradient^2; step = gradient sqrt(update + epsilon) / sqrt(accum + epsilon);
    update = rho update + (1 - rho) step^2; var -= learning_rate step. The slots are called "accum", "accum_update"."""

    slots = ("accum", "accum_update")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: Any = 0.95,
        epsilon: Any = 1e-8,
        use_locking: bool = False,
        name: str = "Adadelta",
    ) -> None:
        super().__init__(use_locking, name)
        self._arguments = learning_rate, rho, epsilon

    def _create_slots(self, var_list: list[Any]) -> None:
        for var in var_list:
            self._zeros_slot(var, "accum", self._name)
            self._zeros_slot(var, "accum_update", self._name)

    def _ops(self) -> tuple[Any, Any]:
        return apply_adadelta, sparse_apply_adadelta

    def _hyper(self, dtype: Any) -> list[Any]:
        return [self._scalar(value, dtype) for value in self._arguments]


@export("train.RMSPropOptimizer")
class RMSPropOptimizer(FusedOptimizer):
    """rms = decay rms + (1 - decay) gradient^2; mom = momentum mom + learning_rate gradient / sqrt(rms + epsilon);
    var -= mom. With centered, the square of the gradient's mean (slot "mg") is taken from rms.

    The slots are called "rms", which starts with ones, and "momentum".
    """

    def __init__(
        self,
        learning_rate: Any,
        decay: Any = 0.9,
        momentum: Any = 0.0,
        epsilon: Any = 1e-10,
        use_locking: bool = False,
        centered: bool = False,
        name: str = "RMSProp",
    ) -> None:
        super().__init__(use_locking, name)
        self._arguments = learning_rate, decay, momentum, epsilon
        self._centered = centered
        self.slots = ("mg", "rms", "momentum") if centered else ("rms", "momentum")

    def _create_slots(self, var_list: list[Any]) -> None:
        for var in var_list:
            self._filled_slot(var, 1.0, "rms")
            if self._centered:
                self._zeros_slot(var, "mg", self._name)
            self._zeros_slot(var, "momentum", self._name)

    def _ops(self) -> tuple[Any, Any]:
        if self._centered:
            return apply_centered_rms_prop, sparse_apply_centered_rms_prop
        return apply_rms_prop, sparse_apply_rms_prop

    def _hyper(self, dtype: Any) -> list[Any]:
        return [self._scalar(value, dtype) for value in self._arguments]
