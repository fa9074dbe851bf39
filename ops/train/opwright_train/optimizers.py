"""Optimizers with TensorFlow 2's API, `ow.optimizers.*`, on the operations of the ones in `train`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from opwright import IndexedSlices, convert_to_tensor, export, ops
from opwright.errors import ArgumentError

from opwright_train.adagrad import AdagradOptimizer
from opwright_train.adam import AdamOptimizer
from opwright_train.adaptive import AdadeltaOptimizer, RMSPropOptimizer
from opwright_train.ftrl import FtrlOptimizer
from opwright_train.gradient_descent import GradientDescentOptimizer, MomentumOptimizer
from opwright_train.optimizer import Optimizer
from opwright_train.schedules import LearningRateSchedule

CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")


@export("optimizers.Optimizer")
class OptimizerV2:
    """What optimizers have in common: a learning rate that may be set or follow a schedule, the number of `iterations`,
    gradients cut by clipnorm, clipvalue or global_clipnorm.

    Raises ArgumentError for an option that is not one of these three.
    """

    def __init__(self, learning_rate: Any, name: str, **clipping: Any) -> None:
        stray = clipping.keys() - set(CLIPPING)
        if stray:
            raise ArgumentError(f"[{name}] there is no argument {min(stray)!r}; the options are {', '.join(CLIPPING)}")
        self.name = name
        self.iterations = ops.Variable(ops.constant(0, "int64"), trainable=False, name=f"{name}/iterations")
        self._rate = learning_rate
        self._clipping = clipping
        self._pending: dict[str, Any] = {}  # values restored for variables that are not made yet
        self._inner = self._make(self._current)

    def _make(self, learning_rate: Callable[[], Any]) -> Optimizer:
        raise NotImplementedError(f"{type(self).__name__} must define _make")

    # -- learning rate -------------------------------------------------------------------------------------------------

    def _current(self) -> Any:
        if isinstance(self._rate, LearningRateSchedule):
            return self._rate(self.iterations)
        return self._rate() if callable(self._rate) else self._rate

    @property
    def learning_rate(self) -> Any:
        """The rate: what was given or set, or what a schedule gives for the current iteration."""
        return self._current()

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self._rate = value

    lr = learning_rate

    # -- steps ---------------------------------------------------------------------------------------------------------

    def build(self, var_list: Iterable[Any]) -> None:
        """Makes the variables that the optimizer needs for these."""
        self._inner._create_slots(list(var_list))
        self._restore_pending()

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Any]], name: str | None = None, **_: Any) -> Any:
        """Changes variables by their gradients: apply_gradients(zip(gradients, variables)). Those without one
        stay as they are; raises ValueError if none has one."""
        pairs = [(g, v) for g, v in grads_and_vars if g is not None]
        if self._pending:
            self.build([v for _, v in pairs])
        if self._clipping and pairs:
            gradients, variables = zip(*pairs, strict=True)
            pairs = list(zip(self._clipped(list(gradients)), variables, strict=True))
        return self._inner.apply_gradients(pairs, self.iterations, name)

    def minimize(
        self, loss: Any, var_list: Any, grad_loss: Any = None, name: str | None = None, tape: Any = None
    ) -> Any:
        """Computes the gradients of `loss`, a function (or a tensor with its tape), and applies them. `var_list` is a
        list of variables or a function that returns one."""
        if not callable(loss):
            if tape is None:
                raise ArgumentError(f"[minimize] loss must be a function unless its tape is given, got {loss!r}")
            variables = list(var_list() if callable(var_list) else var_list)
            gradients = tape.gradient(loss, variables, grad_loss)
        else:
            with ops.GradientTape() as own:
                if not callable(var_list):
                    own.watch(list(var_list))
                value = loss()
            variables = list(var_list() if callable(var_list) else var_list)
            gradients = own.gradient(value, variables, grad_loss)
        return self.apply_gradients(zip(gradients, variables, strict=True), name)

    def _clipped(self, gradients: list[Any]) -> list[Any]:
        if self._clipping.get("clipvalue") is not None:
            limit = self._clipping["clipvalue"]
            gradients = [_map(g, lambda x: ops.clip_by_value(x, -limit, limit)) for g in gradients]
        if self._clipping.get("clipnorm") is not None:
            gradients = [_map(g, lambda x: ops.clip_by_norm(x, self._clipping["clipnorm"])) for g in gradients]
        if self._clipping.get("global_clipnorm") is not None:
            gradients, _ = ops.clip_by_global_norm(gradients, self._clipping["global_clipnorm"])
        return gradients

    # -- state ---------------------------------------------------------------------------------------------------------

    @property
    def variables(self) -> list[Any]:
        """The optimizer's own variables, the number of iterations first."""
        return list(self.__opwright_state__().values())

    def get_slot(self, var: Any, name: str) -> Any:
        """The slot of that name ("m", "momentum", ...) of a variable."""
        return self._inner.get_slot(var, name)

    def __opwright_state__(self) -> dict[str, Any]:
        """The variables by names under which a checkpoint keeps them."""
        slots = {
            f"{slot}/{i}": variable
            for slot, by_variable in self._inner._slots.items()
            for i, variable in enumerate(by_variable.values())
        }
        others = {name: variable for (name, _), variable in self._inner._others.items()}
        return {"iterations": self.iterations, **others, **slots}

    def __opwright_restore__(self, values: dict[str, Any]) -> None:
        """Keeps values of a checkpoint for variables that are made later."""
        self._pending = dict(values)

    def _restore_pending(self) -> None:
        for name, variable in self.__opwright_state__().items():
            if name in self._pending:
                variable.assign(self._pending.pop(name))

    def get_config(self) -> dict[str, Any]:
        """The optimizer's name and learning rate."""
        rate = self._rate if callable(self._rate) else float(convert_to_tensor(self._rate))
        return {"name": self.name, "learning_rate": rate, **self._clipping}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"


def _map(gradient: Any, function: Callable[[Any], Any]) -> Any:
    """The function of a gradient, of the rows of a sparse one."""
    if isinstance(gradient, IndexedSlices):
        return IndexedSlices(function(gradient.values), gradient.indices, gradient.dense_shape)
    return function(gradient)


@export("optimizers.SGD")
class SGD(OptimizerV2):
    """w -= learning_rate g; with momentum a = momentum a + g, w -= learning_rate a (nesterov: g + momentum a)."""

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        name: str = "SGD",
        **clipping: Any,
    ) -> None:
        if not 0 <= momentum <= 1:
            raise ArgumentError(f"[{name}] momentum must lie in [0, 1], got {momentum}")
        self._momentum = momentum
        self._nesterov = nesterov
        super().__init__(learning_rate, name, **clipping)

    def _make(self, learning_rate: Callable[[], Any]) -> Optimizer:
        if not self._momentum:
            return GradientDescentOptimizer(learning_rate, name=self.name)
        return MomentumOptimizer(learning_rate, self._momentum, name=self.name, use_nesterov=self._nesterov)


@export("optimizers.Adam")
class Adam(OptimizerV2):
    """m += (1 - b1) (g - m); v += (1 - b2) (g² - v);
    w -= learning_rate sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps)."""

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        name: str = "Adam",
        **clipping: Any,
    ) -> None:
        self._betas = beta_1, beta_2
        self._epsilon = epsilon
        super().__init__(learning_rate, name, **clipping)

    def _make(self, learning_rate: Callable[[], Any]) -> Optimizer:
        return AdamOptimizer(learning_rate, *self._betas, self._epsilon, name=self.name)


class _FromZero(RMSPropOptimizer):
    """Its mean of squares starts with 0, as in TensorFlow 2."""

    def _create_slots(self, var_list: list[Any]) -> None:
        for var in var_list:
            self._zeros_slot(var, "rms", self._name)
        super()._create_slots(var_list)


@export("optimizers.RMSprop")
class RMSprop(OptimizerV2):
    """q = rho q + (1 - rho) g²; m = momentum m + learning_rate g / sqrt(q + eps); w -= m; centered: q less the squared
    mean of g."""

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        name: str = "RMSprop",
        **clipping: Any,
    ) -> None:
        self._options = rho, momentum, epsilon
        self._centered = centered
        super().__init__(learning_rate, name, **clipping)

    def _make(self, learning_rate: Callable[[], Any]) -> Optimizer:
        return _FromZero(learning_rate, *self._options, centered=self._centered, name=self.name)


@export("optimizers.Adagrad")
class Adagrad(OptimizerV2):
    """a += g²; w -= learning_rate g / sqrt(a + eps)."""

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        name: str = "Adagrad",
        **clipping: Any,
    ) -> None:
        self._start = initial_accumulator_value + epsilon
        super().__init__(learning_rate, name, **clipping)

    def _make(self, learning_rate: Callable[[], Any]) -> Optimizer:
        return AdagradOptimizer(learning_rate, self._start, name=self.name)


@export("optimizers.Adadelta")
class Adadelta(OptimizerV2):
    """a = rho a + (1 - rho) g²; d = g sqrt(u + eps) / sqrt(a + eps); u = rho u + (1 - rho) d²; w -= learning_rate d."""

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        name: str = "Adadelta",
        **clipping: Any,
    ) -> None:
        self._options = rho, epsilon
        super().__init__(learning_rate, name, **clipping)

    def _make(self, learning_rate: Callable[[], Any]) -> Optimizer:
        return AdadeltaOptimizer(learning_rate, *self._options, name=self.name)


@export("optimizers.Ftrl")
class Ftrl(OptimizerV2):
    """Follow the regularized leader: see train.FtrlOptimizer."""

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        name: str = "Ftrl",
        l2_shrinkage_regularization_strength: float = 0.0,
        **clipping: Any,
    ) -> None:
        self._options = {
            "learning_rate_power": learning_rate_power,
            "initial_accumulator_value": initial_accumulator_value,
            "l1_regularization_strength": l1_regularization_strength,
            "l2_regularization_strength": l2_regularization_strength,
            "l2_shrinkage_regularization_strength": l2_shrinkage_regularization_strength,
        }
        super().__init__(learning_rate, name, **clipping)

    def _make(self, learning_rate: Callable[[], Any]) -> Optimizer:
        return FtrlOptimizer(learning_rate, name=self.name, **self._options)
