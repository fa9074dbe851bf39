"""The workloads in PyTorch."""

import itertools

import numpy as np
import torch

rng = np.random.RandomState(0)


def scalar():
    a, b = torch.tensor(2.0), torch.tensor(3.0)
    return lambda: (a * b).item()


def chain100():
    a = torch.tensor(0.5)

    def step():
        c = a
        for _ in range(50):
            c = torch.sin(c)
            c = (c.reshape(1, 1) @ c.reshape(1, 1)).reshape(())
        return c.item()

    return step


def elementwise():
    x = torch.from_numpy(rng.randn(4_000_000).astype(np.float32)).requires_grad_()

    def step():
        x.grad = None
        loss = torch.sqrt(torch.exp(x) + 1).sum()
        loss.backward()
        return loss.item(), x.grad.max().item()

    return step


def _network(sizes, optimizer, batch):
    layers = []
    for n, m in itertools.pairwise(sizes):
        layers += [torch.nn.Linear(n, m), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    chosen = optimizer(model.parameters())
    x = torch.from_numpy(rng.rand(batch, 784).astype(np.float32))
    labels = torch.from_numpy(rng.randint(0, 10, batch))

    def step():
        chosen.zero_grad()
        torch.nn.functional.cross_entropy(model(x), labels).backward()
        chosen.step()

    return step


def softmax():
    return _network((784, 10), lambda p: torch.optim.SGD(p, 0.5), 100)


def mlp():
    return _network((784, 512, 512, 10), lambda p: torch.optim.Adam(p, 1e-3), 128)
