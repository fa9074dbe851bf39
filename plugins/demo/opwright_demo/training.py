"""The demo's networks, written as a user would: graph, session, optimizer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import opwright as ow
from opwright_datasets import Datasets


@dataclass
class Network:
    """A network and how it is trained. `logits(images, rate)` builds it; `rate` is dropout's, 0 when it is tested."""

    name: str
    logits: Callable[[Any, Any], Any]
    optimizer: Callable[[], Any]
    steps: int = 1000
    batch: int = 100
    rate: float = 0.0


@dataclass
class Result:
    """How a training run went. `seconds` is the median time of a step."""

    name: str
    steps: int
    accuracy: float
    seconds: float
    packages: dict[str, int]  # where the step's ops came from: package -> ops


def softmax_regression(x: Any, rate: Any) -> Any:
    """Logits of a single layer, [n, 10]."""
    weights = ow.Variable(ow.zeros([784, 10]), name="weights")
    biases = ow.Variable(ow.zeros([10]), name="biases")
    return ow.matmul(x, weights) + biases


def two_layers(x: Any, rate: Any) -> Any:
    """Logits of a network with 256 hidden rectified units, [n, 10]."""
    hidden = ow.Variable(ow.random.truncated_normal([784, 256], stddev=0.05, seed=1), name="hidden")
    offset = ow.Variable(ow.zeros([256]), name="offset")
    weights = ow.Variable(ow.random.truncated_normal([256, 10], stddev=0.05, seed=2), name="weights")
    biases = ow.Variable(ow.zeros([10]), name="biases")
    return ow.matmul(ow.nn.relu(ow.matmul(x, hidden) + offset), weights) + biases


def two_convolutions(x: Any, rate: Any) -> Any:
    """Logits of two layers of convolution and pooling, then 1024 hidden units with dropout, [n, 10]."""
    x = ow.reshape(x, [-1, 28, 28, 1])
    for seed, shape in enumerate(([5, 5, 1, 32], [5, 5, 32, 64])):
        filters = ow.Variable(ow.random.truncated_normal(shape, stddev=0.1, seed=seed), name="filters")
        biases = ow.Variable(ow.fill(shape[-1:], 0.1), name="biases")
        x = ow.nn.max_pool(ow.nn.relu(ow.nn.conv2d(x, filters, 1, "SAME") + biases), 2, 2, "SAME")
    x = ow.reshape(x, [-1, 7 * 7 * 64])
    hidden = ow.Variable(ow.random.truncated_normal([7 * 7 * 64, 1024], stddev=0.02, seed=2), name="hidden")
    offset = ow.Variable(ow.zeros([1024]), name="offset")
    x = ow.nn.dropout(ow.nn.relu(ow.matmul(x, hidden) + offset), rate, seed=3)
    weights = ow.Variable(ow.random.truncated_normal([1024, 10], stddev=0.05, seed=4), name="weights")
    return ow.matmul(x, weights) + ow.Variable(ow.zeros([10]), name="biases")


NETWORKS = {
    "dense": [
        Network("softmax regression", softmax_regression, lambda: ow.train.GradientDescentOptimizer(0.5)),
        Network("two layers", two_layers, lambda: ow.train.AdamOptimizer(0.005)),
    ],
    "conv": [Network("two convolutions", two_convolutions, lambda: ow.train.AdamOptimizer(1e-3), 600, 50, 0.5)],
}


def train(network: Network, data: Datasets, steps: int, advance: Callable[[], None]) -> Result:
    """Trains a network on the digits, calling `advance` after each step, and measures its accuracy on the test set."""
    with ow.Graph().as_default() as graph:
        x = ow.placeholder("float32", [None, 784], name="images")
        labels = ow.placeholder("float32", [None, 10], name="labels")
        rate = ow.placeholder_with_default(0.0, [], name="rate")
        logits = network.logits(x, rate)
        loss = ow.reduce_mean(ow.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits))
        step = network.optimizer().minimize(loss)
        right = ow.equal(ow.argmax(logits, 1), ow.argmax(labels, 1))
        accuracy = ow.reduce_mean(ow.cast(right, "float32"))
        times = []
        with ow.Session(graph=graph) as session:
            session.run(ow.global_variables_initializer())
            for _ in range(steps):
                images, answers = data.train.next_batch(network.batch)
                started = time.perf_counter()
                session.run(step, {x: images, labels: answers, rate: network.rate})
                times.append(time.perf_counter() - started)
                advance()
            reached = session.run(accuracy, {x: data.test.images, labels: data.test.labels})
    return Result(network.name, steps, float(reached), sorted(times)[len(times) // 2], _packages(graph))


def _packages(graph: ow.Graph) -> dict[str, int]:
    found: dict[str, int] = {}
    for op in graph.get_operations():
        package = op.definition.package or "opwright"
        found[package] = found.get(package, 0) + 1
    return dict(sorted(found.items(), key=lambda item: -item[1]))
