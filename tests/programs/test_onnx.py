"""AlexNet and ResNet-50 give the answers that ONNX Runtime gives, one by one and in batches."""

import importlib
from pathlib import Path

import numpy as np
import opwright_tf1 as tf
import pytest

pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")


@pytest.mark.slow
@pytest.mark.parametrize("network", ["alexnet", "resnet50"])
@pytest.mark.parametrize("batch", [1, 3])
def test_the_answers_agree(network, batch, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "bench")
    networks, onnxrt = (importlib.import_module(name) for name in ("networks", "onnxrt"))
    with tf.Graph().as_default():
        ours = networks.graph(tf, network, batch)()
    theirs = onnxrt.step(network, batch)()
    assert theirs.max() > 2 / 1000  # not all alike
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)
