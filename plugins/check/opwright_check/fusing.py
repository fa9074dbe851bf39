"""What of a planned step runs as one: clusters of elementwise nodes, the reductions in them and at their end, the
epilogues of kernels; and why neighbours run apart. The rules are those of opwright/plan/fuse.py and rows.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from opwright.plan.fuse import LARGEST_CLUSTER, Cluster
from opwright.plan.ir import Node, Value
from opwright.plan.rows import LONGEST_ROW, repeats
from opwright.runtime import lib

from opwright_check.direct import FOLDS, described


def fused(nodes: Sequence[Node], fetches: Sequence[Value]) -> dict[str, Any]:
    """{"nodes": [{"name", "kind", "ops", "folds", "epilogue", "shape", "row"}], "apart": [{"from", "to", "why"}]} of a
    step's nodes, in the order in which they run. "folds" end a cluster; "row" is the length of the rows that one runs
    over, 0 if it knows none."""
    readers: dict[Node, list[Node]] = {}
    for node in nodes:
        for producer in dict.fromkeys(v.node for v in node.inputs if v.node is not None):
            readers.setdefault(producer, []).append(node)
    fetched = {v.storage for v in fetches}
    apart = []
    for node in nodes:
        for value in dict.fromkeys(node.inputs):
            producer = value.node
            if producer is not None and producer in readers and (_cluster(node) or _cluster(producer)):
                why = reason(node, producer, value, readers[producer], value.storage in fetched)
                apart.append({"from": producer.name, "to": node.name, "why": why})
    return {"nodes": [_described(node) for node in nodes], "apart": apart}


def _cluster(node: Node) -> Cluster | None:
    return node.work if isinstance(node.work, Cluster) else None


def _ops(nodes: Any) -> list[str]:
    return [_op(n) for n in nodes]


def _op(node: Node) -> str:
    return node.definition.name if node.definition is not None else "copy"


def _described(node: Node) -> dict[str, Any]:
    cluster = _cluster(node)
    made: dict[str, Any] = {"name": node.name, "kind": "cluster" if cluster else "kernel", "folds": [], "epilogue": []}
    made["kept"] = any(v.storage.kind == "constant" for v in node.outputs)
    if cluster is not None:
        ends = [n for n, fold in cluster.folds.items() if fold.plan.fold_size != cluster.row]
        made |= {"ops": _ops(n for n in cluster.nodes if n not in ends), "folds": _ops(ends)}
        return made | {"shape": list(cluster.shape), "row": cluster.row}
    kernel = getattr(node.prepared, "kernel", None)
    made |= {"ops": [_op(node)], "shape": list(node.outputs[0].shape) if node.outputs else None}
    made["kernel"] = described(kernel) if kernel is not None else ""
    return made | {"epilogue": _ops(node.post.members)} if node.post is not None else made


def reason(node: Node, producer: Node, value: Value, readers: Sequence[Node], fetched: bool) -> str:
    """Why a node does not run with the producer of what it reads."""
    mine, theirs = _cluster(node), _cluster(producer)
    if node.device != producer.device:
        return f"they are on {producer.device} and {node.device}"
    if mine is None:
        kernel = getattr(node.prepared, "kernel", None)
        if kernel is not None and kernel.caps & FOLDS:
            return f"{_op(node)} folds as they are made only elements that lie side by side, and these do not"
        return f"the kernel of {_op(node)} is no tile function, and folds nothing"
    if theirs is None:
        return _no_epilogue(mine, producer, value, [r.name for r in readers if r is not node], fetched)
    sizes = [f.plan.fold_size for n, f in theirs.folds.items() if n.outputs[0].storage is value.storage]
    if sizes and (sizes[0] > LONGEST_ROW or repeats(value, mine.shape) not in (1, *sizes)):
        long = f", and rows of {sizes[0]} are too long" if sizes[0] > LONGEST_ROW else ""
        return f"the reduction's result is there once all of {producer.name} has run{long}"
    if value not in producer.outputs and not sizes:
        return "it is read through a view, so it must lie in memory"
    if value.shape != mine.shape and not sizes:
        return f"{list(value.shape)} is broadcast to {list(mine.shape)}: it is made once, and read often"
    if _size(mine) + _size(theirs) > LARGEST_CLUSTER:
        return f"together they would be {_size(mine) + _size(theirs)} nodes, {LARGEST_CLUSTER} are the most"
    if len(mine.folds) + len(theirs.folds) > lib.OWR_MAX_FOLDS:
        return f"a cluster has at most {lib.OWR_MAX_FOLDS} reductions"
    return "something that needs the one is needed by the other, and runs between them"


def _size(cluster: Cluster) -> int:
    return sum(m.outputs[0].shape == cluster.shape for m in cluster.members)


def _no_epilogue(cluster: Cluster, producer: Node, value: Value, others: list[str], fetched: bool) -> str:
    """Why a cluster is no epilogue of the kernel that it starts from."""
    op = _op(producer)
    if producer.prepared is None or not producer.prepared.post:
        return f"the kernel of {op} takes no epilogue (it says no OW_POST)"
    if producer.post is not None:
        return f"{op} has an epilogue already, which makes something else as well"
    if len(producer.outputs) != 1:
        return f"{op} has {len(producer.outputs)} outputs; epilogues are for one"
    if others:
        return f"what {op} makes is needed by {', '.join(others[:3])} too"
    if fetched:
        return f"what {op} makes is fetched"
    if value not in producer.outputs:
        return "it is read through a view, so it must lie in memory"
    if cluster.folds:
        return "an epilogue has no reductions"
    if cluster.row:
        return "an epilogue does not run row by row"
    if cluster.shape != value.shape:
        return f"{list(value.shape)} is broadcast to {list(cluster.shape)}: it is made once, and read often"
    if not any(out.dtype.size == value.dtype.size for out in cluster.outputs):
        return "no result of it fits into the memory of what it starts from"
    return "something else that it needs is made later"


def lines(found: dict[str, Any]) -> Iterator[str]:
    """The same, to be read."""
    for node in found["nodes"]:
        ops, kept = " + ".join(node["ops"]), ", kept until a step writes variables" if node["kept"] else ""
        if node["kind"] == "cluster":
            rows = f", row by row of {node['row']}" if node["row"] else ""
            ends = f", which ends in {' and '.join(node['folds'])}" if node["folds"] else ""
            one = "one loop" if len(node["ops"]) + len(node["folds"]) > 1 else "a loop of its own"
            yield f"{node['name']}: {ops} over {node['shape']}, {one}{rows}{ends}{kept}"
        else:
            after = f", with {' + '.join(node['epilogue'])} on blocks still in cache" if node["epilogue"] else ""
            over = f" over {node['shape']}" if node["shape"] is not None else ""
            yield f"{node['name']}: {ops}{over}, {node['kernel'] or 'done by the runtime'}{after}{kept}"
    for edge in found["apart"]:
        yield f"apart: {edge['from']} -> {edge['to']}: {edge['why']}"
