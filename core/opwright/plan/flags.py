"""OPWRIGHT_PLAN: which passes run. `-fuse,-inplace` switches passes off; `reference` runs node by node, unoptimised."""

from __future__ import annotations

import os

from opwright.errors import ArgumentError, did_you_mean

PASSES = ("fold", "merge", "rewrite", "views", "fuse", "rows", "pack", "keep", "post", "parallel", "inplace", "reuse")


def parse(text: str) -> frozenset[str]:
    """The passes that are on. Raises ArgumentError for a name that is no pass."""
    on = set(PASSES)
    for word in filter(None, (w.strip() for w in text.split(","))):
        if word == "reference":
            on.clear()
        elif word[0] in "+-" and word[1:] in PASSES:
            (on.add if word[0] == "+" else on.discard)(word[1:])
        else:
            known = did_you_mean(word.lstrip("+-"), PASSES)
            raise ArgumentError(
                f"OPWRIGHT_PLAN takes 'reference' and -pass for {', '.join(PASSES)}, got {word!r}{known}"
            )
    return frozenset(on)


def current() -> frozenset[str]:
    """The passes that the environment leaves on."""
    return parse(os.environ.get("OPWRIGHT_PLAN", ""))
