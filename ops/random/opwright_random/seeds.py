"""Seeds as in TensorFlow: one of the graph (or of eager execution), one of the op, and what follows from both."""

from __future__ import annotations

from typing import Any

from opwright import eager, export, scopes

DEFAULT_SEED = 87654321  # the graph's where only the op has one
LARGEST = 2**31 - 1


@export("set_random_seed", "random.set_seed", "random.set_random_seed")
def set_random_seed(seed: int) -> None:
    """Sets the seed of the current graph, or starts the random ops of eager execution anew from it.

    With it, a program gives the same numbers each time it runs.
    """
    graph = scopes.current_graph()
    if graph is None:
        eager.world.set_seed(int(seed))
    else:
        graph.seed = int(seed)


@export("get_seed", "random.get_seed")
def get_seed(op_seed: Any) -> tuple[int | None, int | None]:
    """The two seeds an op made now would have, given its own; (None, None) if there is neither.

    A graph's seed alone gives each op another second seed: the number of operations the graph has so far. An op's seed
    alone stands beside a fixed first one.
    """
    graph = scopes.current_graph()
    first = eager.world.seed if graph is None else graph.seed
    if first is None and op_seed is None:
        return None, None
    if op_seed is None:
        op_seed = graph.version if graph is not None else 0  # eager ops of one kind share a stream and its count
    pair = (DEFAULT_SEED if first is None else first) % LARGEST, int(op_seed) % LARGEST
    return pair if pair != (0, 0) else (0, LARGEST)


def attributes(op_seed: Any) -> dict[str, int]:
    """The attributes `seed` and `seed2` of a random op. Both 0: the session, or the eager world, chooses."""
    first, second = get_seed(op_seed)
    return {"seed": first or 0, "seed2": second or 0}
