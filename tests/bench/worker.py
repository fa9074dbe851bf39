"""One framework in one process: builds a workload, then answers each line of seconds with the median time of a step."""

import importlib
import os
import statistics
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")


def build(framework, workload):
    """A function that does one step."""
    network, _, batch = workload.partition("_")
    if framework == "onnxruntime":
        return importlib.import_module("onnxrt").step(network, int(batch))
    if framework in ("opwright", "tensorflow"):
        import graph
        import networks

        tf = importlib.import_module("opwright_tf1" if framework == "opwright" else "tensorflow.compat.v1")
        if framework == "tensorflow":
            tf.disable_v2_behavior()
        if network in networks.NETWORKS:
            return networks.graph(tf, network, int(batch))
        return getattr(graph, workload)(tf)
    module = importlib.import_module("traced" if framework == "jax" else "eager")
    module.compiled = framework == "torch-compiled"
    return getattr(module, workload)()


def floor(step):
    """Seconds that the machine would take for a step at its peaks, the operations and the bytes."""
    import opwright as ow

    with ow.profile() as found:
        step()
    least = found.floor()
    return least.seconds, least.flops, least.bytes


def main():
    step = build(*sys.argv[1:])
    for _ in range(5):
        step()
    if sys.argv[1] == "opwright":
        print("floor", *floor(step))
    print("ready", flush=True)
    for line in sys.stdin:
        times, end = [], time.perf_counter() + float(line)
        while time.perf_counter() < end:
            started = time.perf_counter()
            step()
            times.append(time.perf_counter() - started)
        print("time", statistics.median(times), flush=True)


main()
