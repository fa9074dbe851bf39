"""Memory plans: pieces that are needed together lie apart, the bound is the largest live set, tables, pictures, commands."""

import itertools
import json
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import opwright as ow
import pytest
from opwright.errors import GraphError

SVG = "{http://www.w3.org/2000/svg}"


def network():
    x = h = ow.placeholder("float32", [None, 200], name="x")
    for i in range(4):
        w = ow.Variable(ow.ones([200, 200]), name=f"w{i}")
        h = ow.nn.relu(ow.matmul(h, w, name=f"product{i}"))
    loss = ow.reduce_mean(ow.square(h), name="loss")
    return x, ow.train.AdamOptimizer(1e-3).minimize(loss), loss


@pytest.fixture
def plan():
    with ow.Graph().as_default(), ow.Session() as session:
        x, step, loss = network()
        yield ow.memory([step, loss], {x: np.ones((300, 200))}, session)


def test_what_is_needed_together_lies_apart(plan):
    for a, b in itertools.combinations(plan.pieces, 2):
        together = a.first <= b.last and b.first <= a.last
        assert not together or a.offset + a.bytes <= b.offset or b.offset + b.bytes <= a.offset


def test_peak_and_bound(plan):
    live = [sum(p.bytes for p in plan.pieces if p.first <= m <= p.last) for m in range(plan.moments + 1)]
    assert plan.lower_bound == max(live)
    assert plan.peak == max(p.offset + p.bytes for p in plan.pieces)
    assert 1 <= plan.ratio == plan.peak / plan.lower_bound
    assert plan.outside["variable"] >= 4 * 4 * 200 * 200
    assert plan.outside["feed"] == 4 * 300 * 200
    product = next(p for p in plan.pieces if p.value.startswith("product1"))
    assert (product.op, product.bytes, product.device) == ("matmul", 4 * 300 * 200, "cpu")


def test_planning_runs_nothing():
    with ow.Graph().as_default(), ow.Session() as session:
        v = ow.Variable(0.0)
        session.run(ow.global_variables_initializer())
        ow.memory(ow.assign_add(v, 1.0))
        assert session.run(v) == 0
    with (
        ow.Graph().as_default() as graph,
        pytest.raises(GraphError, match="a session must be current or given, got None"),
    ):
        ow.memory(graph.get_operations())


def test_the_table(plan):
    lines = str(plan).splitlines()
    assert lines[0].split() == ["value", "op", "bytes", "needed", "from", "to", "offset"]
    assert any("product2" in line and "240,000" in line for line in lines)
    assert f"peak {plan.peak:,} bytes, lower bound {plan.lower_bound:,}" in lines[-2]
    assert json.loads(plan.to_json())["pieces"][0].keys() == {
        "value",
        "op",
        "device",
        "bytes",
        "first",
        "last",
        "offset",
    }


def test_the_picture(plan, tmp_path):
    plan.save(tmp_path / "plan.svg")
    root = ElementTree.parse(tmp_path / "plan.svg").getroot()
    boxes = [box for box in root.iter(f"{SVG}rect") if box.find(f"{SVG}title") is not None]
    assert len(boxes) == len(plan.pieces)
    whole = [float(root.get(size)) for size in ("width", "height")]
    for box in boxes:
        at = [float(box.get(side)) for side in ("x", "y")]
        size = [float(box.get(side)) for side in ("width", "height")]
        assert all(0 < start and start + extent < end for start, extent, end in zip(at, size, whole, strict=True))
    assert any("product0" in (text.text or "") for text in root.iter(f"{SVG}text"))


def opwright(*arguments, expect=0):
    done = subprocess.run(
        [sys.executable, "-m", "opwright", *map(str, arguments)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout if expect == 0 else done.stderr


def test_of_a_program(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\nimport tensorflow as tf\n\n\ndef main(n):\n    x = tf.placeholder(tf.float32, [None, 50])\n"
        "    y = tf.nn.softmax(tf.matmul(tf.exp(x), tf.ones([50, 100]), name='product'))\n"
        "    with tf.Session() as session:\n"
        "        print(session.run(tf.reduce_max(y), {x: [[0.0] * 50] * n}))\n\n\nmain(int(sys.argv[1]))\n"
    )
    found = json.loads(opwright("explain", "--memory", "--json", "--svg", tmp_path / "a.svg", program, "300"))
    assert found["peak"] >= found["lower_bound"] >= 4 * 300 * 100  # of the session that the program has dropped
    assert any("product" in piece["value"] for piece in found["pieces"])
    assert "product" in (tmp_path / "a.svg").read_text()
    program.write_text("print(1)\n")
    assert "must run a step, got none" in opwright("explain", "--memory", program, expect=1)


def test_of_a_saved_graph(tmp_path):
    with ow.Graph().as_default(), ow.Session() as session:
        _, _, loss = network()
        session.run(ow.global_variables_initializer())
        ow.save(session, tmp_path / "saved")
    out = opwright("explain", "--memory", tmp_path / "saved", "--fetch", loss.name, "--feed", "x:0=30,200")
    assert "product3" in out
    assert "add --fetch NAME" in opwright("explain", "--memory", tmp_path / "saved", expect=1)
    text = opwright("explain", "--memory", tmp_path / "saved", "--feed", "x:0=a", expect=2)
    assert "--feed must be NAME=N,N, got 'x:0=a'" in text


def test_misuse():
    assert "must be a Python program or a saved graph, got 'softmax'" in opwright(
        "explain", "--memory", "softmax", expect=2
    )
    assert "go with a program or saved graph" in opwright("explain", "softmax", "--fetch", "y", expect=2)
