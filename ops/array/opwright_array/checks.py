"""Assert, check_numerics: kernels that fail a step whose values are not what they should be."""

from __future__ import annotations

from typing import Any

from opwright import OpDef, convert_to_tensor, dtypes, export, ops

# `text` is the message: \x01, \x02 and \x03 stand for the next of ints, of floats, of ints that are bools.
assert_that = OpDef(
    "assert_that(condition: bool[''], ints: list[int64['_']], floats: list[float64['_']], text: str,"
    " summarize: int = 3) -> ()",
    stateful=True,
    gradient=None,
)
assert_that.examples(
    lambda rng: [
        {"condition": True, "ints": [rng.integers(0, 9, 3)], "floats": [], "text": "[it holds]", "summarize": 3}
    ]
)


@export("Assert", "debugging.Assert")
def Assert(condition: Any, data: Any, summarize: int | None = None, name: str | None = None) -> Any:
    """Fails the step with InvalidArgumentError unless the condition is true; the first `summarize` (3) elements of each
    of `data` are in the message. Returns the operation; in eager execution it is checked at once."""
    count = 3 if summarize is None else summarize if summarize >= 0 else 1 << 16
    ints, floats, text = [], [], []
    for item in data if isinstance(data, (list, tuple)) else [data]:
        if isinstance(item, (str, bytes)):
            text.append(item if isinstance(item, str) else item.decode())
            continue
        tensor = convert_to_tensor(item)
        start = ops.reshape(tensor, [-1])[: count + 1]  # one more tells that there are more
        mark = "\x02" if tensor.dtype.is_floating else "\x03" if tensor.dtype.is_bool else "\x01"
        (floats if mark == "\x02" else ints).append(ops.cast(start, "float64" if mark == "\x02" else "int64"))
        text.append(mark)
    return assert_that(condition, ints, floats, " ".join(f"[{part}]" for part in text), count, name=name)


check_numerics = OpDef(
    "check_numerics(tensor: T['*s'], message: str) -> (y: T['*s'])", T=dtypes.floats, export="debugging.check_numerics"
)


@check_numerics.gradient
def _gradient(node, dy):
    return check_numerics(dy, f"the gradient of {node.attr.message!r}")


@export("verify_tensor_all_finite", "debugging.assert_all_finite")
def verify_tensor_all_finite(
    t: Any = None, msg: str = "", name: str | None = None, x: Any = None, message: str = ""
) -> Any:
    """The tensor; the step fails with InvalidArgumentError if it holds a nan or an infinity."""
    return check_numerics(t if x is None else x, msg or message, name=name)
