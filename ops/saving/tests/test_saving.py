"""save and load: values, names, collections, every kind of attribute; what is missing or too old; half-written files."""

import json
import math
import os
import subprocess
import sys
import textwrap

import numpy as np
import opwright as ow
import pytest
from opwright import OpDef, ops
from opwright.errors import GraphError, PluginError
from opwright.registry import registry


@pytest.fixture
def model(rng):
    """A trained regression: session, its feeds, and the names of what it computes."""
    with ow.Graph().as_default() as graph, ow.Session() as session:
        graph.seed = 7
        x = ow.placeholder("float32", [None, 3], name="x")
        w = ow.Variable(ow.ones([3, 2]), name="layer/w")
        b = ow.Variable(np.zeros(2, np.float32), name="b", trainable=False, collections=["variables", "mine"])
        y = ow.nn.relu(ow.matmul(x, w) + b, name="y")
        loss = ow.reduce_mean(ow.square(y - 1.0), name="loss")
        ow.train.AdamOptimizer(0.1).minimize(loss, var_list=[w, b], name="train")
        session.run(ow.global_variables_initializer())
        batch = {"x:0": rng.normal(size=(5, 3)).astype(np.float32)}
        session.run("train", batch)
        yield session, batch


def test_a_session_comes_back_with_values_names_and_collections(model, tmp_path):
    session, batch = model
    assert ow.save(session, tmp_path / "model") == tmp_path / "model"
    with ow.load(tmp_path / "model") as loaded:
        assert [op.name for op in loaded.graph.operations] == [op.name for op in session.graph.operations]
        assert loaded.graph.seed == 7
        for fetch in ("y:0", "loss:0", "layer/w:0", "b:0"):
            np.testing.assert_array_equal(loaded.run(fetch, batch), session.run(fetch, batch))
        for _ in range(3):  # the optimizer's moments and powers came along
            assert loaded.run(["train", "loss:0"], batch) == session.run(["train", "loss:0"], batch)
        np.testing.assert_array_equal(loaded.run("layer/w:0"), session.run("layer/w:0"))
        assert [v.name for v in ow.global_variables()] == [v.name for v in session.graph.get_collection("variables")]
        assert [v.name for v in ow.trainable_variables()] == ["layer/w:0"]
        (b,) = loaded.graph.get_collection("mine")
        assert b is next(v for v in ow.global_variables() if v.name == "b:0")
        assert loaded.graph.get_tensor_by_name("x:0").shape == (None, 3)


def test_a_loaded_graph_can_be_built_on(model, tmp_path):
    session, batch = model
    ow.save(session, tmp_path / "model")
    with ow.load(tmp_path / "model") as loaded:
        w = ow.trainable_variables()[0]
        (slope,) = ow.gradients(loaded.graph.get_tensor_by_name("loss:0"), [w])
        assert np.abs(loaded.run(slope, batch)).sum() > 0
        loaded.run(w.assign(np.zeros((3, 2), np.float32)))
        loaded.run(ow.variables_initializer([w]))
        np.testing.assert_array_equal(loaded.run(w), np.ones((3, 2)))


def test_a_graph_alone_has_no_values(model, tmp_path):
    ow.save(model[0].graph, tmp_path / "model")
    with ow.load(tmp_path / "model") as loaded:
        assert b"layer/w" in loaded.run(ow.report_uninitialized_variables())
        loaded.run(ow.global_variables_initializer())
        np.testing.assert_array_equal(loaded.run("layer/w:0"), np.ones((3, 2)))


def test_a_fresh_process_loads_it(model, tmp_path):
    session, batch = model
    ow.save(session, tmp_path / "model")
    program = f"""
        import numpy as np, opwright as ow
        with ow.load({str(tmp_path / "model")!r}) as session:
            print(repr(float(session.run("loss:0", {{"x:0": np.array({batch["x:0"].tolist()}, np.float32)}}))))
    """
    out = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    assert float(out.stdout) == float(session.run("loss:0", batch))


def test_attributes_of_every_kind(tmp_path, graph):
    kinds = OpDef(
        "saving_test::kinds(x: T['*s'], i: int, f: float, g: float, b: bool, s: str, d: dtype, h: shape, n: ints,"
        " m: floats, w: strs, a: array, o: int | None = None) -> (y: T['*s'])",
        T=("float32", "bfloat16"),
        gradient=None,
    )
    kinds.kernel("cpu")(lambda x, **_: x)
    registry.register(kinds)
    given = dict(i=-3, f=0.1, g=math.inf, b=True, s="ä", d=ow.int8, h=ow.Shape([None, 2]), n=(1, 2), m=(0.5, -math.inf))
    kinds(np.ones(2, np.float32), w=("u", "v"), a=np.arange(6).reshape(2, 3), name="node", **given)
    ow.Variable(ow.cast([1.5, -2.0], "bfloat16"), name="short")
    with ow.Session() as session:
        session.run(ow.global_variables_initializer())
        ow.save(session, tmp_path / "g")
    with ow.load(tmp_path / "g") as loaded:
        found = loaded.graph.get_operation_by_name("node").attributes
        assert {k: found[k] for k in given} == given
        assert found["w"] == ("u", "v")
        assert found["o"] is None
        np.testing.assert_array_equal(found["a"], np.arange(6).reshape(2, 3))
        np.testing.assert_array_equal(loaded.run("short:0"), [1.5, -2.0])


def test_control_inputs_devices_shapes_and_lines(tmp_path, graph):
    with graph.device("/cpu:0"):
        a = ow.constant(1.0, name="a")
    with graph.control_dependencies([a]):
        b = ow.constant(2.0, name="b")
    x = ow.placeholder("float32", name="x")
    x.set_shape([4, None])
    later = ow.add_n([a, b], name="later")
    a.op.add_control_input(ow.constant(3.0, name="late").op)
    ow.save(graph, tmp_path / "g")
    found = ow.load(tmp_path / "g").graph
    assert found.get_operation_by_name("a").device == "cpu:0"
    assert [c.name for c in found.get_operation_by_name("b").control_inputs] == ["a"]
    assert [c.name for c in found.get_operation_by_name("a").control_inputs] == ["late"]
    assert found.get_tensor_by_name("x:0").shape == (4, None)
    assert found.get_operation_by_name("later").line == later.op.line
    assert found.get_operation_by_name("later").inputs[1].name == "b:0"


def test_what_cannot_be_saved_is_named(tmp_path, graph):
    graph.add_to_collection("plain", 3)
    graph.add_to_collection("odd", object())
    with pytest.warns(UserWarning, match=r"of the collection 'odd', \[<object"):
        ow.save(graph, tmp_path / "g")
    graph.clear_collection("odd")
    assert ow.load(tmp_path / "g").graph.get_collection("plain") == [3]
    ow.Variable(1.0, name="bound", constraint=lambda x: x)
    with pytest.warns(UserWarning, match="the constraint of bound:0, a function, is not saved"):
        ow.save(graph, tmp_path / "g")
    ops.py_func(lambda x: x, [ow.constant(1.0)], "float32", name="mine")
    with pytest.raises(GraphError, match=r"attribute 'callback' must be numbers, strings or arrays.*leave node 'mine"):
        ow.save(graph, tmp_path / "h")
    assert not (tmp_path / "h").exists()
    with pytest.raises(TypeError, match="a Graph or a Session is needed, got 3"):
        ow.save(3, tmp_path / "h")


# -- versions ----------------------------------------------------------------------------------------------------------


def edit(path, change):
    """Changes a saved graph's JSON."""
    described = json.loads((path / "graph.json").read_text())
    change(described)
    (path / "graph.json").write_text(json.dumps(described))


def scale(version, attribute):
    made = OpDef(
        f"saving_test::scale(x: T['*s'], {attribute}: float) -> (y: T['*s'])",
        T=("float32",), gradient=None, version=version,
    )  # fmt: skip
    made.kernel("cpu")(lambda x, **given: x * given[attribute])
    return made


@pytest.fixture
def old(tmp_path, monkeypatch, graph):
    """A graph saved when saving_test::scale had version 1; and how to bring a later version."""
    before, after = scale(1, "exponent"), scale(3, "factor")

    def bring(made):
        monkeypatch.setitem(registry._names, "saving_test.scale", made)
        monkeypatch.setitem(registry._resolved, "saving_test.scale", made)
        return made

    bring(before)
    before(np.float32([1, 2]), exponent=3.0, name="scaled")
    ow.save(graph, tmp_path / "old")
    bring(after)
    return tmp_path / "old", after


def test_upgrades_rewrite_old_nodes(old):
    path, after = old

    @after.upgrade(1, 2)
    def _(node):
        node.attributes["factor"] = 2.0 ** node.attributes.pop("exponent")

    @after.upgrade(2, 3)
    def _(node):
        assert node.inputs == {"x": ["Const:0"]}
        node.attributes["factor"] *= 10

    with ow.load(path) as session:
        np.testing.assert_array_equal(session.run("scaled:0"), [80, 160])


def test_without_an_upgrade_it_says_so(old):
    path, after = old
    with pytest.raises(PluginError, match=r"saving_test::scale version 1, .*has version 3 and no upgrade from 1\)"):
        ow.load(path)
    after.upgrade(1, 3)(lambda node: None)
    with pytest.raises(GraphError, match=r"the saved node 'scaled' cannot be rebuilt: \[saving_test::scale\] argument"):
        ow.load(path)


def test_upgrades_are_checked():
    made = scale(2, "factor")
    with pytest.raises(ow.OpwrightError, match="an upgrade must lead to a later version, at most 2, got 2 to 3"):
        made.upgrade(2, 3)
    made.upgrade(1, 2)(lambda node: None)
    with pytest.raises(ow.OpwrightError, match="two upgrades from version 1"):
        made.upgrade(1, 2)(lambda node: None)


def test_a_missing_package_is_named_with_the_command(tmp_path, graph):
    y = ow.add(ow.constant(1.0), 2.0, name="y")
    ow.save(graph, tmp_path / "g")

    def rename(described):
        for node in described["nodes"]:
            node["op"] = "acme::add" if node["op"] == y.op.type else node["op"]
        described["ops"]["acme::add"] = described["ops"].pop(y.op.type) | {
            "version": 2, "dist": "acme-ops", "dist_version": "1.4"
        }  # fmt: skip

    edit(tmp_path / "g", rename)
    with pytest.raises(PluginError) as caught:
        ow.load(tmp_path / "g")
    assert str(caught.value) == (
        "the saved graph needs acme::add version 2 from acme-ops 1.4 (installed: none); pip install 'acme-ops>=1.4'"
    )


def test_a_version_too_old_is_named_with_the_command(tmp_path, graph):
    ow.add(ow.constant(1.0), 2.0)
    ow.save(graph, tmp_path / "g")
    edit(tmp_path / "g", lambda d: d["ops"]["add"].update(version=5, dist_version="9.0"))
    with pytest.raises(PluginError, match=r"add version 5 .*\(installed: version 1 from opwright .*'opwright>=9\.0'"):
        ow.load(tmp_path / "g")


# -- files -------------------------------------------------------------------------------------------------------------


def test_saving_again_replaces_the_whole(tmp_path, graph):
    ow.constant(1.0, name="first")
    ow.save(graph, tmp_path / "g")
    ow.constant(2.0, name="second")
    ow.save(graph, tmp_path / "g")
    assert len(ow.load(tmp_path / "g").graph.operations) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["g"]


def test_a_failure_leaves_what_was_there(tmp_path, graph, monkeypatch):
    ow.constant(1.0, name="first")
    ow.save(graph, tmp_path / "g")
    ow.constant(2.0, name="second")

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        ow.save(graph, tmp_path / "g")
    assert [p.name for p in tmp_path.iterdir()] == ["g"]
    assert len(ow.load(tmp_path / "g").graph.operations) == 1


def test_a_process_that_died_between_two_renames_loses_nothing(tmp_path, graph):
    ow.constant(1.0, name="first")
    ow.save(graph, tmp_path / "g").rename(tmp_path / ".g.replaced")
    assert len(ow.load(tmp_path / "g").graph.operations) == 1
    ow.save(graph, tmp_path / "g")
    assert [p.name for p in tmp_path.iterdir()] == ["g"]


def test_other_folders_are_left_alone(tmp_path, graph):
    (tmp_path / "g").mkdir()
    (tmp_path / "g" / "thesis.txt").write_text("important")
    with pytest.raises(GraphError, match="path must be new, or a saved graph to be replaced"):
        ow.save(graph, tmp_path / "g")
    with pytest.raises(GraphError, match="path must be a folder that save wrote"):
        ow.load(tmp_path / "g")


def test_a_later_format_is_refused(tmp_path, graph):
    ow.save(graph, tmp_path / "g")
    edit(tmp_path / "g", lambda d: d.update(format=2, opwright="7.0"))
    with pytest.raises(GraphError, match=r"must have format 1, got 2, written by opwright 7\.0; upgrade opwright"):
        ow.load(tmp_path / "g")


def test_strings_come_back(tmp_path):
    with ow.Graph().as_default() as graph:
        x = ow.placeholder("string", [None], name="x")
        ow.concat([x, ow.constant(["end", b"\xff\0"])], 0, name="y")
        ow.save(graph, tmp_path / "g")
    code = "import opwright as ow, sys; print(ow.load(sys.argv[1]).run('y:0', {'x:0': ['a']}).tolist())"
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "g")], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == str([b"a", b"end", b"\xff\0"])
