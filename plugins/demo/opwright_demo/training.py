"""The demo's networks, written as a user would: graph, session, optimizer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import opwright as ow
from opwright_datasets import Datasets


@dataclass
class Result:
    """How a training run went. `seconds` is the median time of a step."""

    name: str
    steps: int
    accuracy: float
    seconds: float
    packages: dict[str, int]  # where the step's ops came from: package -> ops


def softmax_regression(x: Any) -> Any:
    """Logits of a single layer, [n, 10]."""
    weights = ow.Variable(ow.zeros([784, 10]), name="weights")
    biases = ow.Variable(ow.zeros([10]), name="biases")
    return ow.matmul(x, weights) + biases


def two_layers(x: Any) -> Any:
    """Logits of a network with 256 hidden rectified units, [n, 10]."""
    hidden = ow.Variable(ow.random.truncated_normal([784, 256], stddev=0.05, seed=1), name="hidden")
    offset = ow.Variable(ow.zeros([256]), name="offset")
    weights = ow.Variable(ow.random.truncated_normal([256, 10], stddev=0.05, seed=2), name="weights")
    biases = ow.Variable(ow.zeros([10]), name="biases")
    return ow.matmul(ow.nn.relu(ow.matmul(x, hidden) + offset), weights) + biases


def train(
    name: str,
    network: Callable[[Any], Any],
    optimizer: Any,
    data: Datasets,
    steps: int,
    advance: Callable[[], None],
    batch: int = 100,
) -> Result:
    """Trains a network on the digits, calling `advance` after each step, and measures its accuracy on the test set."""
    with ow.Graph().as_default() as graph:
        x = ow.placeholder("float32", [None, 784], name="images")
        labels = ow.placeholder("float32", [None, 10], name="labels")
        logits = network(x)
        loss = ow.reduce_mean(ow.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits))
        step = optimizer().minimize(loss)
        right = ow.equal(ow.argmax(logits, 1), ow.argmax(labels, 1))
        accuracy = ow.reduce_mean(ow.cast(right, "float32"))
        times = []
        with ow.Session(graph=graph) as session:
            session.run(ow.global_variables_initializer())
            for _ in range(steps):
                images, answers = data.train.next_batch(batch)
                started = time.perf_counter()
                session.run(step, {x: images, labels: answers})
                times.append(time.perf_counter() - started)
                advance()
            reached = session.run(accuracy, {x: data.test.images, labels: data.test.labels})
    return Result(name, steps, float(reached), sorted(times)[len(times) // 2], _packages(graph))


def _packages(graph: ow.Graph) -> dict[str, int]:
    found: dict[str, int] = {}
    for op in graph.get_operations():
        package = op.definition.package or "opwright"
        found[package] = found.get(package, 0) + 1
    return dict(sorted(found.items(), key=lambda item: -item[1]))
