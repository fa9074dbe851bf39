"""What rewritten functions call: Python's own control flow for Python's values, branches and loops for tensors."""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable
from typing import Any

from opwright import Tensor, convert_to_tensor, ops

from opwright_function.autograph import staging
from opwright_function.autograph.staging import Undefined, is_staged


def value(read: Callable[[], Any], name: str) -> Any:
    """A variable's value; an Undefined if it has none yet."""
    try:
        return read()
    except NameError:
        return Undefined(name)


def if_(test: Any, then: Any, orelse: Any, values: tuple[Any, ...], names: tuple[str, ...]) -> Any:
    """`if test`: the variables after one of the branches."""
    if is_staged(test):
        return staging.branches(test, lambda: then(*values), lambda: orelse(*values), values, names)
    return then(*values) if test else orelse(*values)


def while_(test: Any, body: Any, values: tuple[Any, ...], names: tuple[str, ...]) -> Any:
    """`while test`: the variables after the loop. Once the test is a tensor the rest is a loop in the graph."""
    while True:
        holds = test(*values)
        if is_staged(holds):
            return staging.loop(test, body, values, names)
        if not holds:
            return values
        values = body(*values)


def for_(iterated: Any, proceed: Any, body: Any, values: tuple[Any, ...], names: tuple[str, ...]) -> Any:
    """`for item in iterated`; proceed(*values), if given, says whether to go on."""
    if is_staged(iterated):
        iterated = staging.Rows(iterated)
    if isinstance(iterated, staging.Rows):
        return staging.over(iterated, proceed, body, values, names)
    if isinstance(iterated, staging.Range):
        return staging.counted(iterated, proceed, body, values, names)
    for item in iterated:
        goes_on = True if proceed is None else proceed(*values)
        if is_staged(goes_on):  # what is left of the loop is done under a condition
            then = functools.partial(body, item)
            values = if_(goes_on, then, lambda *same: same, values, names)
        elif goes_on:
            values = body(item, *values)
        else:
            break
    return values


def and_(*parts: Callable[[], Any]) -> Any:
    """`a and b`; of tensors their logical and."""
    made = parts[0]()
    for part in parts[1:]:
        if is_staged(made):
            made = ops.logical_and(made, part())
        elif not made:
            return made
        else:
            made = part()
    return made


def or_(*parts: Callable[[], Any]) -> Any:
    """`a or b`; of tensors their logical or."""
    made = parts[0]()
    for part in parts[1:]:
        if is_staged(made):
            made = ops.logical_or(made, part())
        elif made:
            return made
        else:
            made = part()
    return made


def not_(operand: Any) -> Any:
    """`not a`; of a tensor its logical not."""
    return ops.logical_not(operand) if is_staged(operand) else not operand


def equal(a: Any, b: Any) -> Any:
    """`a == b`; of tensors element by element, as in eager execution."""
    return ops.equal(a, b) if (is_staged(a) or is_staged(b)) and a is not None and b is not None else a == b


def not_equal(a: Any, b: Any) -> Any:
    """`a != b`, likewise."""
    return ops.not_equal(a, b) if (is_staged(a) or is_staged(b)) and a is not None and b is not None else a != b


def if_expression(test: Any, then: Callable[[], Any], orelse: Callable[[], Any]) -> Any:
    """`a if test else b`."""
    if not is_staged(test):
        return then() if test else orelse()
    (made,) = staging.branches(test, lambda: (then(),), lambda: (orelse(),), (None,), ("the value",))
    return made


def assert_(test: Any, message: Callable[[], Any], text: str) -> None:
    """`assert test, message`; of a tensor checked when the function runs."""
    if is_staged(test):
        said = message()
        ops.Assert(test, [said if said is not None else f"assert {text}"])
    elif not test:
        raise AssertionError(*[m for m in [message()] if m is not None])


def called(function: Any) -> Any:
    """The function to call in the place of one: the user's own are rewritten, some built-in ones know tensors."""
    known = _BUILTINS.get(function) if isinstance(function, type | type(len)) else None
    if known is not None:
        return known
    from opwright_function.autograph.convert import converted, wanted

    return converted(function) if wanted(function) else function


def explained(function: Callable[..., Any], reason: str) -> Callable[..., Any]:
    """A function that could not be rewritten: where that matters, the error says why."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError as e:
            if "truth value" not in str(e) or getattr(e, "explained", False):
                raise
            made = TypeError(f"{e}. AutoGraph could not rewrite {function.__name__!r}: {reason}")
            made.explained = True  # type: ignore[attr-defined]
            raise made from None

    return call


# -- built-in functions ------------------------------------------------------------------------------------------------


def _range(*args: Any) -> Any:
    if not any(isinstance(a, Tensor) for a in args):
        return range(*args)
    start, limit, step = (0, args[0], 1) if len(args) == 1 else (*args, 1)[:3]
    return staging.Range(start, limit, step)


def _enumerate(iterable: Any, start: int = 0) -> Any:
    if not is_staged(iterable):
        return enumerate(iterable, start)
    count = ops.shape(iterable)[0]
    return staging.Rows((ops.range(start, start + count), iterable))


def _zip(*iterables: Any, **kwargs: Any) -> Any:
    if not any(is_staged(i) for i in iterables):
        return zip(*iterables, **kwargs)
    return staging.Rows(tuple(convert_to_tensor(i) for i in iterables))


def _len(thing: Any) -> Any:
    if not is_staged(thing) or (thing.shape.rank and thing.shape[0] is not None):
        return len(thing)
    return ops.shape(thing)[0]


def _int(*args: Any, **kwargs: Any) -> Any:
    return ops.cast(args[0], "int32") if len(args) == 1 and is_staged(args[0]) else int(*args, **kwargs)


def _float(*args: Any) -> Any:
    return ops.cast(args[0], "float32") if len(args) == 1 and is_staged(args[0]) else float(*args)


def _reduced(function: Any, op: str) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and is_staged(args[0]) and not kwargs:
            return getattr(ops, op)(args[0], axis=0)
        if len(args) > 1 and any(is_staged(a) for a in args) and not kwargs:
            return functools.reduce(getattr(ops, {"reduce_max": "maximum", "reduce_min": "minimum"}[op]), args)
        return function(*args, **kwargs)

    return call


_BUILTINS: dict[Any, Any] = {
    range: _range,
    enumerate: _enumerate,
    zip: _zip,
    len: _len,
    int: _int,
    float: _float,
    max: _reduced(builtins.max, "reduce_max"),
    min: _reduced(builtins.min, "reduce_min"),
}
