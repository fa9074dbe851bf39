"""AutoGraph: rewritten functions over tensors against the same functions over Python values."""

import linecache

import numpy as np
import opwright as ow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opwright.errors import ArgumentError, GraphError, InvalidArgumentError
from opwright_function.autograph import convert


def fibonacci(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


def collatz(n):
    steps = 0
    while n != 1 and steps < 500:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


def classify(x):
    if x < 0:
        return -1
    if x == 0:
        return 0
    elif x > 100:
        return 2
    return 1


def skip_and_stop(n):
    total = 0
    for i in range(n):
        if i % 3 == 0:
            continue
        if i > 10:
            break
        total += i
    return total


def nested(n):
    count = 0
    i = 0
    while i < n:
        j = 0
        while True:
            if j >= i or j > 4:
                break
            if (i + j) % 2 == 1:
                j += 1
                continue
            count += i * j
            j += 1
        i += 1
    return count


def found_at(n):
    for i in range(n):
        if i * i > 50:
            return i
    return -1


def found_in_pairs(n):
    for i in range(n):
        for j in range(i):
            if i * j == 42:
                return i * 100 + j
    return n


def loop_with_else(n):
    result = 0
    for i in range(n):
        if i == 7:
            result = 100
            break
    else:
        result = -1
    return result


def booleans(n):
    flag = False
    seen = 0
    for i in range(n):
        flag = (not flag and i != 4) or i > 8
        if flag and not (i == 2 or i == 3):
            seen += 1
    return seen if flag else -seen


def chained(n):
    good = 0
    for i in range(n):
        if 2 < i <= 6:
            good += 1
    return good


def gcd(n):
    a, b = n, 36
    while b > 0:
        a, b = b, a % b
    return a


def triangle(n):
    s = 0
    for i in range(1, n + 1, 2):
        s += i
    return s


FUNCTIONS = [fibonacci, collatz, classify, skip_and_stop, nested, found_at, found_in_pairs, loop_with_else, booleans, chained,
             gcd, triangle]  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_over_tensors_as_over_numbers(function):
    compiled = ow.function(function)
    for n in (1, 2, 3, 5, 8, 12, 27):
        assert int(compiled(ow.constant(n))) == function(n), n
    assert compiled.experimental_get_tracing_count() == 1
    assert int(compiled(9)) == function(9)  # a Python number: traced as it is


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_random_programs(data):
    """Programs of assignments, ifs, whiles, breaks, continues and returns over three integers."""
    source = _program(data)
    space = {}
    exec(compile(source, "<program>", "exec"), space)
    linecache.cache["<program>"] = (len(source), None, source.splitlines(True), "<program>")
    try:
        compiled = ow.function(space["f"])
        for args in [(0, 1, 2), (3, -1, 5), (7, 7, -4)]:
            expected = space["f"](*args)
            found = compiled(*(ow.constant(a) for a in args))
            assert [int(t) for t in found] == [int(np.int32(np.int64(v))) for v in expected], source
    finally:
        convert._codes.pop(space["f"].__code__, None)


def _program(data):
    names = "abc"
    counter = [0]

    def expression():
        x, y = data.draw(st.sampled_from(names)), data.draw(st.sampled_from(names))
        op = data.draw(st.sampled_from(["+", "-", "+ 1 -", "% 7 +"]))
        return f"({x} {op} {y}) % 50"

    def test():
        x, y = data.draw(st.sampled_from(names)), data.draw(st.sampled_from(names))
        op = data.draw(st.sampled_from(["<", ">=", "==", "!="]))
        extra = data.draw(st.sampled_from(["", " and a > 2", " or not b < 3"]))
        return f"{x} {op} {y}{extra}"

    def block(depth, indent, in_loop):
        lines = []
        for _ in range(data.draw(st.integers(1, 3))):
            kinds = ["set", "set", "add"] + (["if", "while", "for"] if depth else [])
            kind = data.draw(st.sampled_from(kinds))
            pad = "    " * indent
            if kind == "set":
                lines.append(f"{pad}{data.draw(st.sampled_from(names))} = {expression()}")
            elif kind == "add":
                lines.append(f"{pad}{data.draw(st.sampled_from(names))} += {data.draw(st.integers(-2, 3))}")
            elif kind == "if":
                lines.append(f"{pad}if {test()}:")
                lines += block(depth - 1, indent + 1, in_loop)
                if data.draw(st.booleans()):
                    jumps = ["return a, b, c"] + (["break", "continue"] if in_loop else [])
                    lines.append(f"{pad}    {data.draw(st.sampled_from(jumps))}")
                if data.draw(st.booleans()):
                    lines.append(f"{pad}else:")
                    lines += block(depth - 1, indent + 1, in_loop)
            else:
                counter[0] += 1
                k = f"k{counter[0]}"
                if kind == "while":
                    lines += [f"{pad}{k} = 0", f"{pad}while {k} < 4 and ({test()}):", f"{pad}    {k} += 1"]
                else:
                    lines.append(f"{pad}for {k} in range(a % 5):")
                lines += block(depth - 1, indent + 1, True)
        return lines

    return "\n".join(["def f(a, b, c):", *block(2, 1, False), "    return a, b, c"]) + "\n"


def test_iterating_over_rows():
    @ow.function
    def f(rows):
        total, last = 0.0, ow.zeros([2])
        for i, row in enumerate(rows):
            total += ow.reduce_sum(row) * ow.cast(i, "float32")
            last = row
        for a, b in zip(rows, rows):
            total += ow.reduce_sum(a * b)
        return total, last

    x = np.arange(6, dtype="f").reshape(3, 2)
    total, last = f(ow.constant(x))
    assert float(total) == float((x.sum(1) * np.arange(3)).sum() + (x * x).sum())
    assert last.numpy().tolist() == [4, 5]


def test_early_return_from_a_loop_over_rows():
    @ow.function
    def f(rows):
        for row in rows:
            if ow.reduce_sum(row) > 4:
                return row
        return -rows[0]

    assert f(ow.constant([[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]])).numpy().tolist() == [3, 4]
    assert f(ow.constant([[1.0, 2.0], [0.0, 4.0], [0.0, 0.0]])).numpy().tolist() == [-1, -2]


def test_python_values_stay_pythons():
    layers = [lambda x: x + 1, lambda x: x * 2]
    log = []

    @ow.function
    def f(x, deep=True):
        names = {"a": 0}
        for k, layer in enumerate(layers):
            if deep or k == 0:
                x = layer(x)
                names["a"] += 1
        log.append(names["a"])
        return x

    assert int(f(ow.constant(3))) == 8
    assert int(f(ow.constant(3), deep=False)) == 4
    assert log == [2, 1]


def test_a_python_loop_left_by_a_tensor():
    @ow.function
    def f(x):
        for k in range(5):
            if x > 10:
                break
            x = x + k
        return x

    for start in (0, 5, 11):
        x = start
        for k in range(5):
            if x > 10:
                break
            x = x + k
        assert int(f(ow.constant(start))) == x


def test_collecting_in_a_tensor_array():
    @ow.function
    def squares(n):
        array = ow.TensorArray("int32", n)
        for i in range(n):
            if i % 2 == 0:
                array = array.write(i, i * i)
        return array.stack()

    assert squares(ow.constant(5)).numpy().tolist() == [0, 0, 4, 0, 16]
    assert squares(4).numpy().tolist() == [0, 0, 4, 0]


def helper(x):
    while x < 20:
        x = x * 2
    return x


class Scaler:
    def __init__(self, k):
        self.k = k

    def __call__(self, x):
        if x > 0:
            return x * self.k
        return x


def test_functions_that_are_called_are_rewritten_too():
    scale = Scaler(3)

    def local(x):
        return helper(x) if x > 0 else x

    f = ow.function(lambda x: local(x))
    with pytest.raises(TypeError, match="could not rewrite"):
        f(ow.constant(3))  # a lambda is called as it is, and what it calls too

    @ow.function
    def g(x):
        return local(x) + scale(x)

    assert int(g(ow.constant(3))) == 24 + 9
    assert int(g(ow.constant(-3))) == -6


def test_closures_and_defaults():
    offset = 5
    calls = 0

    @ow.function
    def f(x, *, k=2):
        nonlocal calls
        calls += 1
        if x > 0:
            y = x * k + offset
        else:
            y = x - offset
        return y

    assert int(f(ow.constant(1))) == 7
    offset = 6
    assert int(f(ow.constant(1), k=3)) == 9
    assert calls == 2


def test_assert():
    @ow.function
    def f(x):
        assert x > 0, "x must be positive"
        return x

    assert int(f(ow.constant(1))) == 1
    with pytest.raises(InvalidArgumentError, match="x must be positive"):
        f(ow.constant(-1))


def test_variables_and_branches():
    v = ow.Variable(0)

    @ow.function
    def f(x):
        if x > 0:
            v.assign_add(x)
        else:
            v.assign_sub(1)
        while v > 5:
            v.assign(v // 2)
        return v

    assert [int(f(ow.constant(k))) for k in (3, 4, -1, 20)] == [3, 3, 2, 5]


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        ("one_branch", UnboundLocalError, "variable 'y' is used after an if over a tensor that gives it a value in one branch only"),
        ("two_kinds", ArgumentError, r"\[if\] 'y' must be tensors of one structure after both branches of an if over a tensor, got <Tensor .*> and 'text'"),
        ("dtypes", ArgumentError, r"\[if\] the branches must return the same dtypes"),
        ("grows", ArgumentError, r"\[while\] 'items' must keep its structure in a loop over tensors"),
        ("not_scalar", ArgumentError, r"\[if\] the condition must be a scalar of dtype bool, got dtype bool and shape \(2,\)"),
        ("changes_dtype", ArgumentError, r"\[while\] a variable must keep its dtype in a loop over tensors, got int32 before and float32"),
    ],
)  # fmt: skip
def test_errors(make, kind, text):
    def one_branch(x):
        if x > 0:
            y = x
        return y + 1

    def two_kinds(x):
        y = "text"
        if x > 0:
            y = x
        return y

    def dtypes(x):
        if x > 0:
            y = x
        else:
            y = ow.cast(x, "float32")
        return y

    def grows(x):
        items = [x]
        while x > 0:
            x -= 1
            items = [*items, x]
        return items

    def not_scalar(x):
        if ow.stack([x, x]) > 0:
            return x
        return -x

    def changes_dtype(x):
        y = x * 2
        while x > 0:
            x -= 1
            y = ow.cast(y, "float32")
        return x

    with pytest.raises(kind, match=text):
        ow.function(locals()[make])(ow.constant(3))


def test_what_cannot_be_rewritten_works_and_says_why_where_it_matters():
    def generator(n):
        yield n

    @ow.function
    def f(x):
        return sum(generator(x))

    assert int(f(ow.constant(2))) == 2

    space = {}
    exec("def hidden(x):\n    return x if x > 0 else -x", space)
    with pytest.raises(
        TypeError,
        match=r"use cond, while_loop or where. AutoGraph could not rewrite 'hidden': its source is not to be had",
    ):
        ow.function(space["hidden"])(ow.constant(1.0))
    assert float(ow.function(space["hidden"])(-1.5)) == 1.5

    @ow.autograph.experimental.do_not_convert
    def as_it_is(x):
        return 1 if x is not None else 2

    assert int(ow.function(as_it_is)(ow.constant(1.0))) == 1


def test_errors_name_the_users_line():
    def broken(x, i):
        if x > 0:
            return ow.gather(x * ow.ones([3]), i)  # the line
        return x

    with pytest.raises(ow.OpwrightError, match=r"(?s)\[gather\].*test_autograph.py"):
        ow.function(broken)(ow.constant(1.0), ow.constant(9))


def test_the_source_that_is_made_can_be_read():
    def doubled_until(x):
        while x < 100:
            x *= 2
        return x

    text = ow.autograph.to_code(ow.function(doubled_until))
    assert text.startswith("def doubled_until(x):")
    assert "ag__.while_(" in text
    assert ow.autograph.to_code(doubled_until) == text
    with pytest.raises(
        GraphError, match=r"\[autograph.to_code\] entity must be a function that can be rewritten, got 3"
    ):
        ow.autograph.to_code(3)


def test_what_grows_in_a_loop_over_tensors_says_what_to_write():
    @ow.function
    def grown(n):
        x = ow.zeros([0])
        for _ in ow.range(n):
            x = ow.concat([x, [1.0]], 0)
        return x

    with pytest.raises(InvalidArgumentError, match=r"must keep its shape.*or call while_loop with shape_invariants"):
        grown(ow.constant(2))
