"""Adamax and Nadam: Adam by the largest gradient, and with Nesterov's momentum. Made of ops, a variable at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opwright import convert_to_tensor, export, ops, scopes
from opwright.errors import ArgumentError

from opwright_train.naming import after
from opwright_train.optimizer import Optimizer
from opwright_train.optimizers import OptimizerV2


class _Variant(Optimizer):
    """What the two have in common: slots m and v, the number of the step. Sparse gradients count as zeros elsewhere, so
    that rows they do not name move on by their m, as with Adam."""

    def __init__(
        self, rate: Callable[[], Any], steps: Any, betas: tuple[float, float], epsilon: float, name: str
    ) -> None:
        super().__init__(False, name)
        self._rate = rate
        self._steps = steps
        self._betas = betas
        self._epsilon = epsilon

    def _create_slots(self, var_list: list[Any]) -> None:
        for var in var_list:
            self._zeros_slot(var, "m", self._name)
            self._zeros_slot(var, "v", self._name)

    def _apply_sparse(self, grad: Any, var: Any) -> Any:
        return self._apply_dense(convert_to_tensor(grad), var)

    def _apply_dense(self, grad: Any, var: Any) -> Any:
        t = ops.cast(self._steps, var.dtype) + 1.0
        m, v = self.get_slot(var, "m"), self.get_slot(var, "v")
        new_m = self._betas[0] * m + (1.0 - self._betas[0]) * grad
        new_v, step = self._step(t, grad, new_m, v)
        step = self._scalar(self._rate, var.dtype) * step
        return ops.group(ops.assign(m, new_m), ops.assign(v, new_v), ops.assign_sub(var, step))

    def _step(self, t: Any, grad: Any, m: Any, v: Any) -> tuple[Any, Any]:
        """The new v, and the step for a learning rate of 1."""
        raise NotImplementedError


class _Adamax(_Variant):
    def _step(self, t: Any, grad: Any, m: Any, v: Any) -> tuple[Any, Any]:
        largest = ops.maximum(self._betas[1] * v, ops.abs(grad))
        return largest, m / ((1.0 - ops.pow(ops.constant(self._betas[0], t.dtype), t)) * (largest + self._epsilon))


class _Nadam(_Variant):
    def _create_slots(self, var_list: list[Any]) -> None:
        super()._create_slots(var_list)
        first = min(var_list, key=lambda v: str(v.name))
        self._create_non_slot_variable(lambda: ops.constant(1.0, first.dtype), "momenta", first)

    def _momentum(self, t: Any) -> Any:
        """The momentum of step t, which grows to beta_1."""
        return self._betas[0] * (1.0 - 0.5 * ops.pow(ops.constant(0.96, t.dtype), t))

    @property
    def _product(self) -> Any:
        return self._get_non_slot_variable("momenta", scopes.home_graph())

    def _step(self, t: Any, grad: Any, m: Any, v: Any) -> tuple[Any, Any]:
        now, later = self._momentum(t), self._momentum(t + 1.0)
        product = ops.cast(self._product, t.dtype) * now
        new_v = self._betas[1] * v + (1.0 - self._betas[1]) * grad * grad
        ahead = later * m / (1.0 - product * later) + (1.0 - now) * grad / (1.0 - product)
        spread = new_v / (1.0 - ops.pow(ops.constant(self._betas[1], t.dtype), t))
        return new_v, ahead / (ops.sqrt(spread) + self._epsilon)

    def _finish(self, update_ops: list[Any], name: str | None) -> Any:
        product = self._product
        with after(update_ops):
            t = ops.cast(self._steps, product.dtype) + 1.0
            return ops.group(*update_ops, ops.assign(product, product * self._momentum(t)), name=name)


class _ByVariant(OptimizerV2):
    variant: type[_Variant]

    def __init__(
        self, learning_rate: Any, beta_1: float, beta_2: float, epsilon: float, name: str, **clipping: Any
    ) -> None:
        for label, beta in (("beta_1", beta_1), ("beta_2", beta_2)):
            if not 0 <= beta < 1:
                raise ArgumentError(f"[{name}] {label} must lie in [0, 1), got {beta}")
        self._options = (beta_1, beta_2), epsilon
        super().__init__(learning_rate, name, **clipping)

    def _make(self, learning_rate: Callable[[], Any]) -> Optimizer:
        return self.variant(learning_rate, self.iterations, *self._options, self.name)


@export("optimizers.Adamax")
class Adamax(_ByVariant):
    """m += (1 - b1) (g - m); v = max(b2 v, |g|); w -= learning_rate / (1 - b1^t) m / (v + eps).

    Kingma and Ba, Adam: a method for stochastic optimization (2015), section 7.1.
    """

    variant = _Adamax

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        name: str = "Adamax",
        **clipping: Any,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, name, **clipping)


@export("optimizers.Nadam")
class Nadam(_ByVariant):
    """Adam with Nesterov's momentum: u_t = b1 (1 - 0.96^t / 2), p_t their product;
    w -= learning_rate (u_{t+1} m / (1 - p_{t+1}) + (1 - u_t) g / (1 - p_t)) / (sqrt(v / (1 - b2^t)) + eps).

    Dozat, Incorporating Nesterov momentum into Adam (2016).
    """

    variant = _Nadam

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        name: str = "Nadam",
        **clipping: Any,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, name, **clipping)
