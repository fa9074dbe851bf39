"""The workloads in PyTorch."""

import itertools

import numpy as np
import torch
from torch import nn
from torch.nn import functional

rng = np.random.RandomState(0)
compiled = False  # whether torch.compile gets the forward pass


def _maybe_compiled(function):
    return torch.compile(function) if compiled else function


def scalar():
    a, b = np.array(2, np.float32), np.array(3, np.float32)
    product = _maybe_compiled(lambda a, b: a * b)
    return lambda: product(torch.from_numpy(a), torch.from_numpy(b)).numpy()


def chain100():
    a = np.array(0.5, np.float32)

    @_maybe_compiled
    def chain(c):
        for _ in range(50):
            c = torch.sin(c)
            c = (c.reshape(1, 1) @ c.reshape(1, 1)).reshape(())
        return c

    return lambda: chain(torch.from_numpy(a)).numpy()


def elementwise():
    x = torch.from_numpy(rng.randn(4_000_000).astype(np.float32)).requires_grad_()

    total = _maybe_compiled(lambda x: torch.sqrt(torch.exp(x) + 1).sum())

    def step():
        x.grad = None
        loss = total(x)
        loss.backward()
        return loss.item(), x.grad.max().item()

    return step


def _network(sizes, optimizer, batch):
    layers = []
    for n, m in itertools.pairwise(sizes):
        layers += [nn.Linear(n, m), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    return _classifier(model, torch.rand(batch, 784), optimizer(model.parameters()))


def softmax():
    return _network((784, 10), lambda p: torch.optim.SGD(p, 0.5), 100)


def mlp():
    return _network((784, 512, 512, 10), lambda p: torch.optim.Adam(p, 1e-3), 128)


def _trained(loss, optimizer):
    forward = _maybe_compiled(loss)

    def step():
        optimizer.zero_grad()
        forward().backward()
        optimizer.step()

    return step


def _classifier(model, x, optimizer):
    labels = torch.from_numpy(rng.randint(0, 10, len(x)))
    return _trained(lambda: functional.cross_entropy(model(x), labels), optimizer)


def deep_mnist(batch=50):
    model = nn.Sequential(
        *(nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(3136, 1024), nn.ReLU(), nn.Dropout(0.5), nn.Linear(1024, 10)),
    ).to(memory_format=torch.channels_last)
    x = torch.rand(batch, 1, 28, 28).to(memory_format=torch.channels_last)
    return _classifier(model, x, torch.optim.Adam(model.parameters(), 1e-4))


def cifar10(batch=128):
    def normalised():
        return nn.LocalResponseNorm(9, alpha=0.001, beta=0.75, k=1.0)

    model = nn.Sequential(
        *(nn.Conv2d(3, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2, 1), normalised()),
        *(nn.Conv2d(64, 64, 5, padding=2), nn.ReLU(), normalised(), nn.MaxPool2d(3, 2, 1), nn.Flatten()),
        *(nn.Linear(2304, 384), nn.ReLU(), nn.Linear(384, 192), nn.ReLU(), nn.Linear(192, 10)),
    )
    return _classifier(model, torch.rand(batch, 3, 24, 24), torch.optim.SGD(model.parameters(), 0.1))


def word2vec(batch=128, vocabulary=50_000, width=128, sampled=64):
    embeddings = nn.Embedding(vocabulary, width, sparse=True)
    weights, biases = nn.Embedding(vocabulary, width, sparse=True), nn.Embedding(vocabulary, 1, sparse=True)
    words, context = (torch.from_numpy(rng.randint(0, 1000, batch)) for _ in range(2))

    def loss():
        drawn = torch.exp(torch.rand(sampled) * np.log(vocabulary + 1.0)) - 1  # log-uniform, as nce_loss draws
        noise = drawn.long().clamp(0, vocabulary - 1)
        inputs = embeddings(words)
        true = (inputs * weights(context)).sum(1) + biases(context)[:, 0]
        false = inputs @ weights(noise).T + biases(noise)[:, 0]
        return (functional.softplus(-true) + functional.softplus(false).sum(1)).mean()

    parameters = [*embeddings.parameters(), *weights.parameters(), *biases.parameters()]
    return _trained(loss, torch.optim.SGD(parameters, 1.0))


def lstm(batch=128, steps=28, width=28, hidden=128):
    cell, last = nn.LSTM(width, hidden, batch_first=True), nn.Linear(hidden, 10)
    optimizer = torch.optim.Adam([*cell.parameters(), *last.parameters()], 1e-3)
    return _classifier(lambda x: last(cell(x)[0][:, -1]), torch.rand(batch, steps, width), optimizer)
