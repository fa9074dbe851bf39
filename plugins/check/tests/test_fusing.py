"""explain of programs and saved graphs: what runs as one, and why neighbours run apart."""

import json
import subprocess
import sys

import numpy as np
import opwright as ow
import pytest
from opwright.plan.spec import Spec
from opwright.plan.step import Step
from opwright.runtime import Lane
from opwright_check.fusing import fused, lines

PROGRAM = """
import sys
import numpy as np
import opwright as ow

with ow.Graph().as_default(), ow.Session() as session:
    x = ow.placeholder("float32", [None, 32], name="x")
    weights = ow.Variable(np.ones((32, 16), np.float32))
    hidden = ow.nn.relu(ow.matmul(x, weights) + 1.0, name="hidden")
    loss = ow.reduce_mean(ow.square(ow.nn.softmax(hidden) - 0.5), name="loss")
    session.run(ow.global_variables_initializer())
    session.run(loss, {x: np.ones((int(sys.argv[1]), 32))})
    ow.save(session, sys.argv[2])
"""


def explain(*arguments, status=0):
    found = subprocess.run(
        [sys.executable, "-m", "opwright", "explain", *map(str, arguments)], capture_output=True, text=True
    )
    assert found.returncode == status, found.stdout + found.stderr
    return found.stdout + found.stderr


def test_a_program_and_the_graph_it_saves(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    said = explain(tmp_path / "program.py", "--", 64, tmp_path / "saved").splitlines()
    assert any(
        "matmul over [64, 16]" in line and line.endswith("with add + relu on blocks still in cache") for line in said
    )
    assert any("subtract + square over [64, 16], one loop, which ends in reduce_mean" in line for line in said)
    assert any(line.endswith("the kernel of softmax takes no epilogue (it says no OW_POST)") for line in said)
    saved = explain(tmp_path / "saved", "--fetch", "loss", "--feed", "x=64,32").splitlines()
    assert saved == said
    found = json.loads(explain(tmp_path / "saved", "--fetch", "hidden:0", "--feed", "x:0=8,32", "--json"))
    (node,) = found["nodes"]
    assert (node["ops"], node["epilogue"], node["shape"]) == (["matmul"], ["add", "relu"], [8, 16])
    assert "--feed go with a program or saved graph, got 'relu'" in explain("relu", "--feed", "x=1", status=2)
    assert "WHAT must be a Python program or a saved graph" in explain(tmp_path / "gone.py", status=2)


def planned(build, *shapes):
    """What is said of a step: `build` makes the fetches of placeholders."""
    with ow.Graph().as_default(), ow.Session() as session:
        feeds = [ow.placeholder("float32", shape) for shape in shapes]
        made = build(*feeds)
        step = Step(Spec(made if isinstance(made, list) else [made], feeds, []), session)
        found = step.executable(Lane(), [np.ones(shape, np.float32) for shape in shapes])
    return fused(found.emitted.nodes, found.program.fetches)


def twice_used(x, y):
    product = ow.matmul(x, y)
    return [ow.exp(product), ow.transpose(product) * 2.0]


def long_chain(x):
    for _ in range(15):
        x = ow.exp(x) * 0.5
    return x


APART = {
    "a reduction": (
        lambda x: ow.exp(x) / ow.reduce_sum(ow.exp(x)), [(30, 400)], "has run, and rows of 12000 are too long"
    ),
    "columns": (lambda x: ow.reduce_sum(ow.exp(x), 0), [(64, 5)], "folds as they are made only elements that lie side"),
    "a kernel": (lambda x: ow.cumsum(ow.exp(x)), [(3, 4)], "the kernel of cumsum is no tile function"),
    "broadcast": (lambda x, y: ow.exp(x) + y, [(4,), (3, 4)], "[4] is broadcast to [3, 4]: it is made once"),
    "a view": (lambda x: ow.exp(ow.transpose(ow.exp(x))), [(3, 4)], "it is read through a view"),
    "too long": (long_chain, [(3, 4)], "nodes, 24 are the most"),
    "used twice": (twice_used, [(8, 8), (8, 8)], "what matmul makes is needed by"),
    "fetched": (
        lambda x, y: [p := ow.matmul(x, y), ow.exp(p)], [(8, 8), (8, 8)], "what matmul makes is fetched"
    ),
    "an epilogue with a fold": (
        lambda x, y: ow.reduce_mean(ow.exp(ow.matmul(x, y))), [(8, 8), (8, 8)], "an epilogue has no reductions"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", APART)
def test_why_neighbours_run_apart(case):
    build, shapes, why = APART[case]
    found = planned(build, *shapes)
    assert any(why in edge["why"] for edge in found["apart"]), found["apart"]
    assert any(line.startswith("apart: ") and why in line for line in lines(found))


def test_neighbours_that_run_as_one_are_one_node():
    found = planned(lambda x: ow.reduce_sum(ow.exp(x) * 2.0), (3, 4))
    (node,) = found["nodes"]
    assert (node["kind"], node["ops"], node["folds"]) == ("cluster", ["exp", "multiply"], ["reduce_sum"])
    assert found["apart"] == []


def test_what_is_kept_from_run_to_run():
    def product(x):
        return ow.matmul(x, ow.constant(np.ones((300, 130), np.float32)))

    copied, multiplied = lines(planned(product, (40, 300)))
    assert copied.endswith("packed: copy over [163200], done by the runtime, kept until a step writes variables")
    assert "kept" not in multiplied


def test_what_runs_row_by_row():
    found = planned(lambda x: ow.exp(x) / ow.reduce_sum(ow.exp(x), 1, keepdims=True), (3, 4))
    (node,) = found["nodes"]
    assert (node["ops"], node["row"]) == (["exp", "reduce_sum", "realdiv"], 4)
    (said,) = lines(found)
    assert said.endswith("exp + reduce_sum + realdiv over [3, 4], one loop, row by row of 4")
