"""Devices: each node on the one it asks for, its inputs copied there."""

from __future__ import annotations

import numpy as np

from opwright.devices import device
from opwright.errors import InvalidArgumentError
from opwright.layouts import Layout
from opwright.plan.ir import Node, Program, Storage, Value, copy_of
from opwright.plan.select import elementwise_kernel, matching


def place(program: Program, default: str, soft: bool) -> None:
    """Gives every node and value its device, and inserts copies between devices.

    soft: a node whose op has no kernel on the device it asks for goes to the CPU instead of raising.
    """
    if default.startswith("cpu") and not _leaves_the_host(program):
        for node in program.nodes:
            node.device = "cpu"
        return
    copies: dict[tuple[Value, str], Value] = {}
    written = program.written()
    nodes: list[Node] = []
    for node in program.nodes:
        node.device = _device_of(node, default, soft)
        for value in dict.fromkeys(node.inputs):
            if value.storage.device != node.device and not _stays(node, value):
                node.replace(value, _moved(value, node, copies, nodes))
                if value.storage in written:  # what reads the variable next may find another value there
                    del copies[value, node.device]
        for output in node.outputs:
            if output.storage.kind == "arena":
                output.storage.device = node.device
        nodes.append(node)
    program.nodes = nodes
    program.fetches = [
        value if value.storage.device == "cpu" else _fetched(value, copies, program) for value in program.fetches
    ]


def _leaves_the_host(program: Program) -> bool:
    """Whether a node asks for another device than the CPU, or a variable lies on one."""
    values = [*program.fetches, *(v for node in program.nodes for v in node.inputs)]
    asked = any(node.device and not node.device.startswith("cpu") for node in program.nodes)
    return asked or any(v.storage.device != "cpu" for v in values)


def _device_of(node: Node, default: str, soft: bool) -> str:
    """The device a node runs on: that of the variables it writes, that of what it is a view of, the one it asks for."""
    definition = node.definition
    if definition is None or definition.role != "kernel":
        return "cpu"
    wanted = node.writes()[0].device if node.writes() else _full(node.device or default)
    if definition.view_function is not None:
        source = node.groups[definition.view_source][0].storage
        return wanted if source.kind == "constant" else source.device  # constants go where they are used, once
    if wanted == "cpu":
        return wanted
    node.device = wanted
    if matching(node) or elementwise_kernel(node) is not None:
        device(wanted)  # raises if it cannot be used
        return wanted
    if soft and not node.writes():
        return "cpu"
    raise InvalidArgumentError(
        f"[{definition.name}] there must be a kernel for {wanted}, got none; place the node on /cpu:0, or allow soft "
        "placement"
    )


def _full(name: str) -> str:
    return "cpu" if name.startswith("cpu") else name if ":" in name else f"{name}:0"


def _stays(node: Node, value: Value) -> bool:
    """Whether nothing on the device reads an input's elements: of a view's inputs, all but what it is a view of."""
    definition = node.definition
    if definition is None or definition.view_function is None:
        return False
    return value not in node.groups[definition.view_source]


def _moved(value: Value, node: Node, copies: dict[tuple[Value, str], Value], nodes: list[Node]) -> Value:
    key = value, node.device
    if key not in copies and value.storage.kind == "constant":
        copies[key] = _uploaded(value, node.device)
    if key not in copies:
        dense = value
        if not value.layout.is_dense:
            first = copy_of(value, f"{node.name}/dense")
            nodes.append(first)
            (dense,) = first.outputs
        copies[key] = _copy_to(dense, node.device, node, nodes)
    return copies[key]


def _uploaded(value: Value, target: str) -> Value:
    """A constant that goes to the device once, when the plan is made."""
    flat = value.storage.array.reshape(-1)[value.layout.offset :]
    strides = tuple(s * value.dtype.size for s in value.layout.strides)
    array = np.ascontiguousarray(np.lib.stride_tricks.as_strided(flat, value.shape, strides))
    storage = Storage("constant", value.nbytes, device=target, memory=device(target).upload(array))
    made = Value(value.dtype, Layout.dense(value.shape), storage)
    made.constant = value.constant
    return made


def _copy_to(value: Value, target: str, like: Node, nodes: list[Node]) -> Value:
    copy = copy_of(value, f"{like.name}/to_{target.replace(':', '_')}")
    copy.origin = like.origin
    copy.device = target if target != "cpu" else value.storage.device  # the one that makes it
    copy.outputs = [Value(value.dtype, Layout.dense(value.shape), Storage("arena", value.nbytes, device=target), copy)]
    nodes.append(copy)
    return copy.outputs[0]


def _fetched(value: Value, copies: dict[tuple[Value, str], Value], program: Program) -> Value:
    key = value, "cpu"
    if key not in copies:
        like = value.node or Node(None, [], {})
        copies[key] = _copy_to(value, "cpu", like, program.nodes)
    return copies[key]
