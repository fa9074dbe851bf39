"""Optimizer: from a loss to an operation that changes variables. What all optimizers have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from opwright import IndexedSlices, as_dtype, convert_to_tensor, export, gradients, ops, scopes
from opwright.dispatch import graph_of
from opwright.errors import ArgumentError, GradientError

from opwright_train.naming import after, scope
from opwright_train.slots import create_filled_slot, create_slot

TRAIN_OP = "train_op"


class NoGradientError(GradientError, ValueError):
    """None of the variables has a gradient."""


@export("train.Optimizer")
class Optimizer:
    """The base of all optimizers.

    One of your own defines _apply_dense(grad, var) and _apply_sparse(grad, var), which return an operation, and where
    it needs them _create_slots(var_list), _prepare() and _finish(update_ops, name).
    """

    GATE_NONE = 0
    GATE_OP = 1
    GATE_GRAPH = 2

    def __init__(self, use_locking: bool, name: str) -> None:
        if not name:
            raise ArgumentError(f"[Optimizer] name must be given, got {name!r}")
        self._use_locking = use_locking
        self._name = name
        self._slots: dict[str, dict[Any, Any]] = {}
        self._others: dict[tuple[str, Any], Any] = {}  # variables that belong to no other: (name, graph) -> variable

    def get_name(self) -> str:
        return self._name

    # -- what users call -----------------------------------------------------------------------------------------------

    def minimize(
        self,
        loss: Any,
        global_step: Any = None,
        var_list: Any = None,
        gate_gradients: int = GATE_OP,
        aggregation_method: Any = None,
        colocate_gradients_with_ops: bool = False,
        name: str | None = None,
        grad_loss: Any = None,
    ) -> Any:
        """An operation that changes the variables (by default the trainable ones) so that `loss` falls, and then adds 1
        to global_step. Eagerly `loss` is a function, the variables are to be given, and it is done at once.

        Raises NoGradientError (a ValueError) if the loss depends on none of the variables.
        """
        pairs = self.compute_gradients(
            loss, var_list, gate_gradients, aggregation_method, colocate_gradients_with_ops, grad_loss
        )
        if all(gradient is None for gradient, _ in pairs):
            names = ", ".join(v.name for _, v in pairs)
            raise NoGradientError(
                f"[minimize] loss must depend on a variable to optimize, got {loss} and {names}; look for ops without "
                "gradients between them"
            )
        return self.apply_gradients(pairs, global_step, name)

    def compute_gradients(
        self,
        loss: Any,
        var_list: Any = None,
        gate_gradients: int = GATE_OP,
        aggregation_method: Any = None,
        colocate_gradients_with_ops: bool = False,
        grad_loss: Any = None,
    ) -> list[tuple[Any, Any]]:
        """Pairs of a gradient (a tensor, IndexedSlices, or None where there is none) and its variable."""
        if gate_gradients not in (self.GATE_NONE, self.GATE_OP, self.GATE_GRAPH):
            raise ArgumentError(f"[compute_gradients] gate_gradients must be one of GATE_*, got {gate_gradients!r}")
        variables = _variables(ops.trainable_variables() if var_list is None else var_list)
        if not variables:
            way_out = "; pass var_list" if scopes.current_graph() is None else ""
            raise ArgumentError(f"[compute_gradients] there must be variables to optimize, got none{way_out}")
        if callable(loss):
            found = _eager_gradients(loss, variables, grad_loss)
        else:
            found = gradients(loss, variables, grad_ys=grad_loss)
        if gate_gradients == self.GATE_GRAPH and any(g is not None for g in found):
            found = ops.tuple(found)
        return list(zip(found, variables, strict=True))

    def apply_gradients(self, grads_and_vars: Any, global_step: Any = None, name: str | None = None) -> Any:
        """An operation that changes variables by the given gradients, and then adds 1 to global_step.

        Pairs without a gradient are left out. Raises NoGradientError (a ValueError) if none has one.
        """
        pairs = [(_gradient(g, v), v) for g, v in _pairs(grads_and_vars)]
        graph = graph_of([pairs[0][1]])
        with graph.as_default() if graph is not None else nullcontext():
            with graph.control_dependencies(None) if graph is not None else nullcontext():
                self._create_slots([v for _, v in pairs])
            with scope(name, self._name) as full:
                self._prepare()
                done = self._finish(self._updates(pairs), full if global_step is None else "update")
                if global_step is not None:
                    with after([done]):
                        done = getattr(ops.assign_add(global_step, 1, name=full), "op", None)
        if graph is not None and done not in graph.get_collection(TRAIN_OP):
            graph.add_to_collection(TRAIN_OP, done)
        return done

    def get_slot(self, var: Any, name: str) -> Any:
        """The slot of that name of a variable; None if there is none."""
        return self._slots.get(name, {}).get(var)

    def get_slot_names(self) -> list[str]:
        """The names of the kinds of slots that this optimizer has made."""
        return sorted(self._slots)

    def variables(self) -> list[Any]:
        """The variables this optimizer has made in the current graph (or eagerly), by name."""
        graph = scopes.home_graph()
        slots = [v for by_variable in self._slots.values() for v in by_variable.values()]
        return sorted((v for v in [*slots, *self._others.values()] if v.graph is graph), key=lambda v: str(v.name))

    # -- what optimizers define ----------------------------------------------------------------------------------------

    def _create_slots(self, var_list: list[Any]) -> None:
        """Makes what variables the optimizer needs for these."""

    def _prepare(self) -> None:
        """Makes what tensors the optimizer needs for a step."""

    def _apply_dense(self, grad: Any, var: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define _apply_dense")

    def _apply_sparse(self, grad: Any, var: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define _apply_sparse to take IndexedSlices")

    def _finish(self, update_ops: list[Any], name: str | None) -> Any:
        """The operation that stands for the whole step."""
        return ops.group(*update_ops, name=name)

    def _updates(self, pairs: Sequence[tuple[Any, Any]]) -> list[Any]:
        """Operations that change the variables."""
        return [self._constrained([self._one(g, v)], v) for g, v in pairs]

    def _one(self, gradient: Any, variable: Any) -> Any:
        with scope(None, f"update_{variable.name.partition(':')[0]}"):
            sparse = isinstance(gradient, IndexedSlices)
            return self._apply_sparse(gradient, variable) if sparse else self._apply_dense(gradient, variable)

    @staticmethod
    def _constrained(updates: list[Any], variable: Any) -> Any:
        """What brings a variable back to where its constraint allows it to be, after the updates."""
        if variable.constraint is None:
            return updates[-1]
        with after(updates):
            return variable.assign(variable.constraint(variable))

    # -- what they are made with ---------------------------------------------------------------------------------------

    def _get_or_make_slot(self, var: Any, val: Any, slot_name: str, op_name: str) -> Any:
        slots = self._slots.setdefault(slot_name, {})
        if var not in slots:
            slots[var] = create_slot(var, val, op_name)
        return slots[var]

    def _filled_slot(self, var: Any, number: float, slot_name: str, op_name: str | None = None) -> Any:
        slots = self._slots.setdefault(slot_name, {})
        if var not in slots:
            slots[var] = create_filled_slot(var, number, op_name or self._name)
        return slots[var]

    def _zeros_slot(self, var: Any, slot_name: str, op_name: str) -> Any:
        return self._filled_slot(var, 0.0, slot_name, op_name)

    def _create_non_slot_variable(self, initial_value: Any, name: str, colocate_with: Any) -> Any:
        key = name, colocate_with.graph
        if key not in self._others:
            self._others[key] = ops.Variable(initial_value, trainable=False, name=name)
        return self._others[key]

    def _get_non_slot_variable(self, name: str, graph: Any = None) -> Any:
        return self._others.get((name, graph))

    @staticmethod
    def _scalar(value: Any, dtype: Any) -> Any:
        """A hyper-parameter (number, tensor, variable, or function that returns one) as a tensor of the dtype."""
        value = value() if callable(value) else value
        if hasattr(value, "__opwright_tensor__") or hasattr(value, "op") or hasattr(value, "storage"):
            tensor = convert_to_tensor(value)
            return tensor if tensor.dtype is dtype else ops.cast(tensor, dtype)
        return ops.constant(value, dtype)


def _variables(listed: Any) -> list[Any]:
    found: list[Any] = []
    for one in listed if isinstance(listed, (list, tuple)) else [listed]:
        if isinstance(one, (list, tuple)):
            found += _variables(one)
        elif not hasattr(one, "assign_sub"):
            raise ArgumentError(f"[Optimizer] only variables can be optimized, got {one!r}")
        else:
            found.append(one)
    return found


def _pairs(grads_and_vars: Any) -> list[tuple[Any, Any]]:
    pairs = [(g, v) for g, v in grads_and_vars]
    _variables([v for _, v in pairs])
    kept = [(g, v) for g, v in pairs if g is not None]
    if not kept:
        names = ", ".join(v.name for _, v in pairs) or "no variables"
        raise NoGradientError(f"[apply_gradients] a variable must have a gradient, got none for {names}")
    return kept


def _gradient(gradient: Any, variable: Any) -> Any:
    if isinstance(gradient, IndexedSlices):
        return gradient
    return convert_to_tensor(gradient, as_dtype(variable.dtype), "apply_gradients")


def _eager_gradients(loss: Callable[[], Any], variables: list[Any], grad_loss: Any) -> list[Any]:
    if scopes.current_graph() is not None:
        return gradients(loss(), variables, grad_ys=grad_loss)
    with ops.GradientTape() as tape:
        tape.watch(variables)
        value = loss()
    return list(tape.gradient(value, variables, output_gradients=grad_loss))
