r"""Regular expressions. Patterns are RE2's as far as Python's `re` reads them alike; `\1` in a rewrite is a group."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from opwright import OpDef
from opwright.errors import ArgumentError

from opwright_strings.elementwise import each

regex_replace = OpDef(
    "regex_replace(input: string['*s'], pattern: str, rewrite: str, replace_global: bool = True) -> (y: string['*s'])",
    gradient=None,
    export="strings.regex_replace",
)
regex_full_match = OpDef(
    "regex_full_match(input: string['*s'], pattern: str) -> (y: bool['*s'])",
    gradient=None,
    export="strings.regex_full_match",
)


def _compiled(op: str, pattern: str) -> Any:
    try:
        return re.compile(pattern.encode())
    except re.error as e:
        raise ArgumentError(f"[{op}] pattern must be a regular expression, got {pattern!r}: {e}") from None


@regex_replace.shape
def _replace_shape(c):
    _compiled("regex_replace", c.attr.pattern)
    return c.shape("input")


@regex_full_match.shape
def _match_shape(c):
    _compiled("regex_full_match", c.attr.pattern)
    return c.shape("input")


@regex_replace.kernel("cpu")
def _replace(input, pattern, rewrite, replace_global):
    found = _compiled("regex_replace", pattern)
    template = re.sub(rb"\\0", rb"\\g<0>", rewrite.encode())
    return each(lambda text: found.sub(template, text, count=0 if replace_global else 1), input)


@regex_full_match.kernel("cpu")
def _match(input, pattern):
    found = _compiled("regex_full_match", pattern)
    return each(lambda text: found.fullmatch(text) is not None, input, dtype=np.bool_)


regex_replace.examples(lambda rng: [{"input": np.array(["aab", "b"]), "pattern": "a+", "rewrite": "x"}])
regex_full_match.examples(lambda rng: [{"input": np.array(["aab", "b"]), "pattern": "a+b"}])
