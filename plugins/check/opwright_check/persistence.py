"""Whether a saved graph with the op loads in a fresh process, which imports nothing for it, and computes the same."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from opwright import ops
from opwright.dtypes import DType, from_storage, string
from opwright.graph import Graph
from opwright.opdef import OpDef
from opwright.registry import registry

from opwright_check.direct import same_bits
from opwright_check.drawing import Draw
from opwright_check.outcome import Outcome, check, fail, ok, require, skip
from opwright_check.registration import nothing_drawn
from opwright_check.subject import Array, Subject

_LOAD = """
import sys
import numpy as np
import opwright as ow
folder = sys.argv[1]
session = ow.load(folder + "/graph")
given = np.load(folder + "/given.npz")
outputs = sys.argv[2].split(",")
made = session.run(outputs, {f"input_{k}:0": given[f"arr_{k}"] for k in range(len(given.files))})
np.savez(folder + "/made.npz", *[a.astype("S") if a.dtype == object else a for a in map(np.asarray, made)])
"""


@check("save-load", "op")
def save_load(op: OpDef, draw: Draw) -> Outcome:
    """A graph with the op, saved and loaded in a fresh process, computes the same."""
    if not {"save", "load"} <= set(registry.all_names()):
        return skip("there is no ow.save")
    if op.random or any(a.is_ref for a in op.schema.tensors):
        return skip("it is random, or writes variables")
    plain = [s for s in draw.subjects if all(d.name != "bfloat16" for d in (*s.dtypes, *s.output_dtypes))]
    if not plain:
        return skip(nothing_drawn(draw))
    return _round_trip(sorted(plain, key=lambda s: s.size)[len(plain) // 2])


def _round_trip(subject: Subject) -> Outcome:
    graph = Graph()
    with graph.as_default():
        feeds = [
            ops.placeholder(d, a.shape, name=f"input_{k}")
            for k, (d, a) in enumerate(zip(subject.array_dtypes, subject.arrays, strict=True))
        ]
        rest = iter(feeds)
        made = graph.create(subject.op, [[next(rest) for _ in g] for g in subject.groups], subject.attributes)
    if not made.outputs:
        return skip("it has no output")
    with tempfile.TemporaryDirectory() as folder:
        ops.save(graph, Path(folder, "graph"))
        given = zip(subject.arrays, subject.array_dtypes, strict=True)
        np.savez(Path(folder, "given.npz"), *[portable(a, d) for a, d in given])
        names = ",".join(t.name for t in made.outputs)
        loaded = subprocess.run(
            [sys.executable, "-c", _LOAD, folder, names], capture_output=True, text=True, timeout=120
        )
        if loaded.returncode:
            return fail(
                f"{subject}: saved, it does not load in a fresh process: {loaded.stderr.strip().splitlines()[-1]}"
            )
        with np.load(Path(folder, "made.npz")) as found:
            for k, want in enumerate(subject.outputs):
                same = same_bits(found[f"arr_{k}"], portable(want, subject.output_dtypes[k]))
                require(same, f"{subject}: loaded in a fresh process, output {k} differs")
    return ok()


def portable(array: Array, dtype: DType) -> Array:
    """A stored array as another process can read it: strings are stored as places in a pool of this one."""
    return from_storage(array, dtype).astype("S") if dtype is string else array
