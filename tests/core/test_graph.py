"""Graphs: names, scopes, devices, control dependencies, collections, operators."""

import opwright as ow
import pytest
from opwright.errors import GraphError


def test_names_are_made_unique(graph):
    a, b = ow.add(1.0, 2.0, name="sum"), ow.add(1.0, 2.0, name="sum")
    assert (a.name, b.name) == ("sum:0", "sum_1:0")
    assert ow.add(1.0, 2.0, name="SUM").op.name == "SUM_2"
    with pytest.raises(GraphError, match="a name must consist of letters"):
        ow.add(1.0, 2.0, name="a b")


def test_name_scopes_nest_and_can_be_entered_again(graph):
    with graph.name_scope("outer") as outer:
        with graph.name_scope("inner"):
            x = ow.identity(1.0, name="x")
        with graph.name_scope("inner"):
            y = ow.identity(1.0, name="x")
    with graph.name_scope(outer):
        z = ow.identity(1.0, name="z")
    with graph.name_scope("outer"), graph.name_scope(None):
        bare = ow.identity(1.0, name="bare")
    assert [t.op.name for t in (x, y, z, bare)] == ["outer/inner/x", "outer/inner_1/x", "outer/z", "bare"]


def test_elements_are_found_by_name(graph):
    x = ow.placeholder("float32", [2], name="x")
    assert graph.get_tensor_by_name("x:0") is x
    assert graph.get_operation_by_name("x") is x.op
    assert graph.as_graph_element("x") is x.op
    with pytest.raises(GraphError, match="must end with its output's number, got 'x'; for the first: x:0"):
        graph.get_tensor_by_name("x")
    with pytest.raises(GraphError, match="no operation 'xx'"):
        graph.get_operation_by_name("xx")
    with pytest.raises(GraphError, match="has 1 outputs, got the name 'x:1'"):
        graph.get_tensor_by_name("x:1")
    with pytest.raises(GraphError, match="is needed, got 3"):
        graph.as_graph_element(3)


def test_tensors_of_two_graphs_do_not_mix(graph):
    x = ow.placeholder("float32", [2])
    with ow.Graph().as_default():
        y = ow.placeholder("float32", [2])
        with pytest.raises(GraphError, match="must belong to this graph"):
            ow.add(x, y)


def test_a_final_graph_takes_no_more_nodes(graph):
    graph.finalize()
    with pytest.raises(GraphError, match="must not be final"):
        ow.add(1.0, 2.0)


def test_control_dependencies_cannot_close_a_circle(graph):
    a = ow.identity(1.0)
    b = ow.identity(a)
    with pytest.raises(GraphError, match="must not depend on itself"):
        a.op.add_control_input(b.op)
    with pytest.raises(GraphError, match="must not depend on itself"):
        a.op.add_control_input(a.op)
    b.op.add_control_input(a.op)
    assert b.op.control_inputs == [a.op]


def test_devices_are_inherited_and_cleared(graph):
    with graph.device("/gpu:0"):
        a = ow.identity(1.0)
        with graph.device("/cpu:0"):
            b = ow.identity(1.0)
        with graph.device(None):
            c = ow.identity(1.0)
    with graph.device("/job:worker/task:0/device:GPU:1"):
        d = ow.identity(1.0)
    assert [t.device for t in (a, b, c, d)] == ["cuda:0", "cpu:0", "", "cuda:1"]


def test_collections_keep_what_is_added(graph):
    graph.add_to_collection("losses", 1)
    graph.add_to_collection("losses", 2)
    assert graph.get_collection("losses") == [1, 2]
    graph.get_collection_ref("losses").append(3)
    assert graph.get_collection("losses") == [1, 2, 3]
    graph.clear_collection("losses")
    assert graph.get_collection("losses") == []


def test_symbolic_tensors_have_no_value(graph):
    x = ow.placeholder("float32", [None, 2], name="x")
    with pytest.raises(TypeError, match="no truth value until a session runs"):
        bool(x)
    with pytest.raises(TypeError, match="first dimension is known"):
        iter(x)
    with pytest.raises(TypeError, match="no value until a session runs"):
        x.__array__()
    assert repr(x) == "<Tensor 'x:0' shape=(?, 2) dtype=float32>"
    x.set_shape([3, None])
    assert x.shape == (3, 2)
    assert len(x) == 3


def test_the_users_line_is_remembered(graph):
    x = ow.identity(1.0)  # this line
    line = x.op.line
    assert __file__ in line
    assert "test_the_users_line_is_remembered" in line


def test_consumers_and_inputs(graph):
    x = ow.placeholder("float32", [])
    y = x + 1.0
    assert x.consumers() == [y.op]
    assert y.op.inputs[0] is x
    assert y.op.type == "add"
