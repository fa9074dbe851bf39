"""Eager calls that have been made before: an op on arguments of the same kinds runs the executable it ran then.

This is the short way through `dispatch.call`: what is left is to find the executable, hand over the values, run it, and
wrap what comes out. A call goes the long way (binding, checks, planning) once, and is learnt if its arguments are
tensors, numbers beside tensors, lists of either, and attributes that can be looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from opwright.dtypes import BY_NAME, bfloat16
from opwright.eager import KEPT, as_eager, record, step_for, world
from opwright.eagertensor import EagerRef, EagerTensor, Kind, kind_of
from opwright.opdef import MANY, OpDef
from opwright.plan.executable import Executable
from opwright.runtime import run_plan
from opwright.scopes import thread

Run = Callable[[list[Any]], Any]

_NUMBERS = frozenset((float, int, bool, np.float32, np.float64, np.int32, np.int64, np.bool_))


def described(definition: OpDef, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, list[Any]]:
    """A call by its op, the kinds of its tensors and its other arguments, with the tensors' values; None if it is not
    of a form that can be learnt."""
    if definition.is_binary and len(args) == 2 and not kwargs:  # the most frequent form
        a, b = args
        if type(a) is EagerTensor:
            if type(b) is EagerTensor:
                return (definition, a.kind, b.kind), [a.storage, b.storage]
            if type(b) in _NUMBERS:
                return (definition, a.kind, type(b)), [a.storage, b]
    key: list[Any] = [definition]
    values: list[Any] = []
    takes, writes = definition.takes, definition.writes
    if len(args) > len(takes):
        return None, values
    for arg, tensors in zip(args, takes):
        if not tensors:
            key.append(tuple(arg) if type(arg) is list else arg)
        elif isinstance(arg, EagerTensor):
            if writes and arg.is_ref:
                arg.release()  # type: ignore[attr-defined]
            key.append(arg.kind)
            values.append(arg.storage)
        elif type(arg) in _NUMBERS:
            key.append(type(arg))
            values.append(arg)
        elif not _describe(arg, tensors == MANY, key, values, writes):
            return None, values
    if kwargs:
        key.append(tuple(kwargs.items()))
    return tuple(key), values


def _describe(arg: Any, many: bool, key: list[Any], values: list[Any], writes: bool) -> bool:
    """Adds an argument that is None, a variable, a list of ints, or where `many` are taken a list of tensors."""
    if arg is None:
        key.append(None)
        return True
    if type(arg) not in (list, tuple):
        return _describe_tensor(arg, key, values, writes)
    if many:
        key.append(len(arg))
        return all([_describe_tensor(item, key, values, writes) for item in arg])
    key.append(("ints", *arg))
    values.append(arg)
    return all([type(item) is int for item in arg])


def _describe_tensor(arg: Any, key: list[Any], values: list[Any], writes: bool) -> bool:
    tensor = arg.__opwright_tensor__() if hasattr(arg, "__opwright_tensor__") else arg
    if not isinstance(tensor, EagerTensor):
        return False
    if writes and isinstance(tensor, EagerRef):
        tensor.release()
    key.append(tensor.kind)
    values.append(tensor.storage)
    return True


def repeat(key: Any, values: list[Any], args: tuple[Any, ...]) -> Any:
    """What the op gives, if such a call has been learnt; else NotImplemented."""
    free = world.lanes.free
    try:
        lane = free.pop()
    except IndexError:
        return NotImplemented
    try:
        learnt = lane.executables.get(key)
        if learnt is None:
            return NotImplemented
        outputs = learnt.run(values)
    except TypeError:  # the key holds what cannot be looked up
        return NotImplemented
    finally:
        free.append(lane)
    return learnt.finished(outputs, args) if thread.tapes or learnt.writes else outputs


def learn(key: Any, values: list[Any], definition: OpDef, groups: Sequence[Sequence[Any]], attributes: Any) -> None:
    """Remembers how a call was done, if it can be done so again for other values of its tensors."""
    flat = [t for group in groups for t in group]
    if definition.role != "kernel" or len(flat) != len(values) or not _fixes_dtypes(definition, groups, values):
        return
    step = step_for(definition, groups, attributes)
    constants = [(i, flat[i].storage) for i, value in enumerate(values) if type(value) in (list, tuple)]
    if not step.spec.value_feeds <= {i for i, _ in constants}:
        return
    free = world.lanes.free
    if not free:
        return
    lane = free.pop()
    try:
        executable = step.executable(lane, [t.storage for t in flat])
        if len(lane.executables) >= KEPT:
            world.lanes.clear()
        elif executable.rest is None and not any(value.dynamic for value in executable.program.fetches):
            lane.executables[key] = Learnt(definition, groups, attributes, executable, values, constants)
    except TypeError:
        pass  # the key holds what cannot be looked up
    finally:
        free.append(lane)


def _fixes_dtypes(definition: OpDef, groups: Sequence[Sequence[Any]], values: list[Any]) -> bool:
    """Whether the dtypes of numbers and lists follow from those of tensors or from the signature."""
    fed, fixed = iter(values), set(BY_NAME)
    free: set[str] = set()
    for arg, group in zip(definition.schema.tensors, groups, strict=True):
        for _ in group:
            (fixed if isinstance(next(fed), np.ndarray) else free).add(arg.dtype)
    constant = all(type(value) in (list, tuple) or isinstance(value, np.ndarray) for value in values)
    return free <= fixed or constant


class Learnt:
    """A call that has been made before: its executable in a lane, and what the tapes are to be told."""

    __slots__ = ("attributes", "definition", "dtypes", "run", "writes")

    def __init__(
        self,
        definition: OpDef,
        groups: Sequence[Sequence[EagerTensor]],
        attributes: dict[str, Any],
        executable: Executable,
        values: list[Any],
        constants: list[tuple[int, Any]],
    ) -> None:
        self.definition = definition
        self.attributes = attributes
        self.writes = definition.writes
        self.dtypes = [[t.dtype for t in group] for group in groups]
        kinds = [kind_of(value.dtype, value.shape) for value in executable.program.fetches]
        dtypes = [dtype for group in self.dtypes for dtype in group]
        # Numbers are stored as they are only where any number may be: not in integers, nor in bfloat16's bits.
        plain = all(type(v) is np.ndarray or (d.is_floating and d is not bfloat16) for v, d in zip(values, dtypes))
        if plain and definition.single and len(kinds) == 1 and not constants and executable.is_simple:
            self.run = _direct(executable, kinds[0])
        else:
            self.run = _general(executable, kinds, constants, definition.single and not self.writes, definition)

    def finished(self, outputs: Any, args: tuple[Any, ...]) -> Any:
        """The outputs, with the variables that were written among them, after the tapes have been told."""
        definition = self.definition
        groups = self._grouped(args)
        made = iter([outputs] if isinstance(outputs, EagerTensor) else outputs or ())
        written = iter(
            [t for arg, group in zip(definition.schema.tensors, groups, strict=True) if arg.is_ref for t in group]
        )
        flags = definition.ref_flags(len(definition.schema.outputs)) if self.writes else None
        listed = [next(written) if is_ref else next(made) for is_ref in flags] if flags is not None else list(made)
        if thread.tapes:
            record(definition, groups, self.attributes, listed)
        if not definition.schema.outputs:
            return None
        return listed[0] if definition.single else listed

    def _grouped(self, args: tuple[Any, ...]) -> list[list[Any]]:
        given = [arg for arg, tensors in zip(args, self.definition.takes) if tensors]
        given += [None] * (len(self.dtypes) - len(given))
        groups: list[list[Any]] = []
        for arg, declared, dtypes in zip(given, self.definition.schema.tensors, self.dtypes, strict=True):
            listed = [] if arg is None else arg if declared.is_list else [arg]
            groups.append([as_eager(item, dtype) for item, dtype in zip(listed, dtypes, strict=True)])
        return groups


def _direct(executable: Executable, kind: Kind) -> Run:
    """For small inputs and one small output: nothing but copies in, the plan, a copy out."""
    ((_, first, i), *rest), view = executable.staged, executable.views[0]
    plan, settle, new = executable.plan, executable.settle, EagerTensor.__new__
    (_, second, j), *more = rest or ((None, None, None),)

    def run(values: list[Any]) -> Any:
        first[i] = values[0]
        if second is not None:
            second[j] = values[1]
        if more:
            for (_, store, index), value in zip(more, values[2:]):
                store[index] = value
        status = run_plan(plan, 0)
        if status:
            settle(status)
        made = new(EagerTensor)
        made.storage = view.copy()
        made.kind = kind
        return made

    return run


def _general(
    executable: Executable, kinds: list[Kind], constants: list[tuple[int, Any]], single: bool, definition: OpDef
) -> Run:
    new = EagerTensor.__new__

    def run(values: list[Any]) -> Any:
        for i, constant in constants:
            values[i] = constant
        outputs = []
        found = executable.call(values)
        if found is None:
            raise TypeError("the values are not of the kinds that were learnt")
        for storage, kind in zip(found, kinds, strict=True):
            made = new(EagerTensor)
            made.storage = storage
            made.kind = kind
            outputs.append(made)
        return outputs[0] if single else outputs if kinds or definition.schema.outputs else None

    return run
