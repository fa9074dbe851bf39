"""The inference workloads in ONNX Runtime: the networks as ONNX graphs, channels first, two threads as everywhere."""

import os

import numpy as np
import onnxruntime
from networks import INPUTS, NETWORKS, Weights, images
from onnx import TensorProto, helper, numpy_helper


class Graph:
    """Layers as ONNX nodes; a tensor is its name."""

    def __init__(self, channels):
        self.weights, self.nodes, self.initializers, self.channels = Weights(), [], [], {"x": channels}

    def constant(self, array):
        name = f"w{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def node(self, kind, inputs, channels, **attributes):
        name = f"y{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        self.channels[name] = channels
        return name

    def conv(self, x, filters, size, stride=1, padding="SAME", groups=1):
        w = self.weights.filters(size, size, self.channels[x] // groups, filters).transpose(3, 2, 0, 1)
        how = {"strides": [stride] * 2, "group": groups, "auto_pad": {"SAME": "SAME_UPPER"}.get(padding, padding)}
        return self.node("Conv", [x, self.constant(np.ascontiguousarray(w))], filters, **how)

    def bias(self, x):
        n = self.channels[x]
        return self.node("Add", [x, self.constant(self.weights.uniform(-0.1, 0.1, n).reshape(n, 1, 1))], n)

    def norm(self, x, scale=1.0):
        n, uniform = self.channels[x], self.weights.uniform
        drawn = uniform(0.8 * scale, 1.2 * scale, n), uniform(-0.1, 0.1, n), uniform(-0.1, 0.1, n), uniform(0.8, 1.2, n)
        return self.node("BatchNormalization", [x, *map(self.constant, drawn)], n, epsilon=1e-3)

    def dense(self, x, n):
        w = self.constant(self.weights.filters(self.channels[x], n))
        return self.node("Gemm", [x, w, self.constant(self.weights.uniform(-0.1, 0.1, n))], n)

    def max_pool(self, x, size, stride, padding):
        how = {
            "kernel_shape": [size] * 2,
            "strides": [stride] * 2,
            "auto_pad": {"SAME": "SAME_UPPER"}.get(padding, padding),
        }
        return self.node("MaxPool", [x], self.channels[x], **how)

    def relu(self, x):
        return self.node("Relu", [x], self.channels[x])

    def add(self, x, y):
        return self.node("Add", [x, y], self.channels[x])

    def mean(self, x):
        return self.node("Flatten", [self.node("GlobalAveragePool", [x], self.channels[x])], self.channels[x])

    def flat(self, x):
        last = self.node("Transpose", [x], self.channels[x], perm=[0, 2, 3, 1])  # the order of the dense weights
        return self.node("Flatten", [last], 6 * 6 * self.channels[x])

    def softmax(self, x):
        return self.node("Softmax", [x], self.channels[x])


def step(network, batch):
    """A function that returns the network's answer."""
    height, width, channels = INPUTS[network]
    built = Graph(channels)
    y = NETWORKS[network](built, "x")
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, channels, height, width])]
    outputs = [helper.make_tensor_value_info(y, TensorProto.FLOAT, [batch, 1000])]
    whole = helper.make_graph(built.nodes, network, inputs, outputs, built.initializers)
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    x = np.ascontiguousarray(images(network, batch).transpose(0, 3, 1, 2))
    return lambda: session.run([y], {"x": x})[0]
