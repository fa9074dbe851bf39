"""Whether a kernel's several forms agree: tile, run and scalar; alone and fused; its epilogue and a node of its own."""

from __future__ import annotations

import ctypes
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from opwright import ops
from opwright._abi import ffi
from opwright.runtime import NULL

from opwright_check.direct import POST, Direct, candidates, described, same_bits
from opwright_check.outcome import Outcome, Stop, check, fail, ok, require, skip
from opwright_check.subject import Array, Subject

ULPS = 16  # that a tile may differ from its scalar expression, in units of the last place of the larger of it and 1
_C = {"float32": "float", "float64": "double", "int8": "int8_t", "int16": "int16_t", "int32": "int32_t",
      "int64": "int64_t", "uint8": "uint8_t", "bool": "_Bool"}  # fmt: skip


@check("tile-run-scalar", "dtype")
def tile_run_scalar(subject: Subject) -> Outcome:
    """Tile functions, run functions and the scalar expression, compiled as C, give the same within 16 ulp."""
    if subject.op.scalar:
        return _as_expression(subject, subject.op.scalar)
    tiles = [k for k in candidates(subject) if Direct(k, subject).prepare().tile != NULL]
    if not tiles:
        return skip("it has no tile function")
    notes = []
    for kernel in tiles:
        direct = Direct(kernel, subject).prepare()
        (by_tile,) = _by_tile(direct)
        if direct.run_function != NULL:
            (by_run,) = direct.start().run().results()
            require(same_bits(by_tile, by_run), f"{subject}: tile and run of {described(kernel)} differ")
            notes.append("run")
        if kernel.scalar and not kernel.struct.prepare != NULL and not subject.op.schema.attributes:
            scalar = by_scalar(kernel.scalar, subject)
            if isinstance(scalar, np.ndarray):
                floats = [d.numpy for d in (*subject.dtypes, *subject.output_dtypes) if d.is_floating]
                problem = ulps(by_tile, scalar, min(floats, key=lambda d: d.itemsize, default=by_tile.dtype))
                require(
                    not problem, f"{subject}: the tile of {described(kernel)} differs from {kernel.scalar!r}: {problem}"
                )
                notes.append("scalar")
    return ok("tile = " + " = ".join(dict.fromkeys(notes)) if notes else "nothing but a tile function to compare")


def _as_expression(subject: Subject, expression: str) -> Outcome:
    """Of an op written as an expression: what the planner's tile programs make of it, against the expression as C."""
    scalar = by_scalar(expression, subject)
    if isinstance(scalar, str):
        return skip(scalar)
    problem = ulps(subject.outputs[0], scalar, subject.output_dtypes[0].numpy)
    require(not problem, f"{subject}: its tile program differs from {expression!r}: {problem}")
    return ok("tile program = expression")


def _by_tile(direct: Direct) -> list[Array]:
    run = direct.start()
    run.run_tile()
    return run.results()


def by_scalar(expression: str, subject: Subject) -> Array | str:
    """The results of a scalar expression, compiled by the system's C compiler; else why there are none."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    names = [d.name for d in (*subject.array_dtypes, subject.output_dtypes[0])]
    if compiler is None:
        return "there is no C compiler"
    if any(n not in _C for n in names):
        return "C has no 16-bit floats"
    function = _compiled(compiler, expression, tuple(names))
    out = np.empty(subject.outputs[0].shape, subject.outputs[0].dtype)
    arrays = [np.ascontiguousarray(np.broadcast_to(a, out.shape)) for a in subject.arrays]
    function(out.ctypes.data_as(ctypes.c_void_p), *[a.ctypes.data_as(ctypes.c_void_p) for a in arrays],
             ctypes.c_int64(out.size))  # fmt: skip
    return out


@functools.cache
def _compiled(compiler: str, expression: str, dtypes: tuple[str, ...]) -> Any:
    """out[i] = expression(x0[i], ...) as a C function."""
    *ins, out = (_C[d] for d in dtypes)
    arguments = ", ".join(f"const {t} *a{k}" for k, t in enumerate(ins))
    loads = " ".join(f"const {t} x{k} = a{k}[i]; (void)x{k};" for k, t in enumerate(ins))
    loop = f"for (int64_t i = 0; i < n; ++i) {{ {loads} y[i] = ({expression}); }}"
    headers = "".join(f"#include <{name}.h>\n" for name in ("math", "stdint", "stdlib"))
    source = f"#define _GNU_SOURCE\n{headers}void f({out} *y, {arguments}, int64_t n) {{ {loop} }}\n"
    options = "-std=c11 -Werror=implicit-function-declaration -O1 -ffp-contract=off -shared -fPIC".split()
    with tempfile.TemporaryDirectory() as folder:
        code, library = Path(folder, "scalar.c"), Path(folder, "scalar.so")
        code.write_text(source)
        command = [compiler, *options, str(code), "-o", str(library), "-lm"]
        made = subprocess.run(command, capture_output=True, text=True)
        if made.returncode:
            error = next((line for line in made.stderr.splitlines() if "error" in line), made.stderr)
            raise Stop(fail(f"the scalar expression {expression!r} is no C over {', '.join(dtypes[:-1])}: {error}"))
        return ctypes.CDLL(str(library)).f


def ulps(got: Array, want: Array, narrowest: Any) -> str:
    """How far two arrays are apart, if it is more than ULPS of the narrowest dtype computed with; empty if not."""
    if got.dtype.kind != "f":
        wrong = np.flatnonzero(np.ravel(got != want))
        return f"{got.flat[wrong[0]]} and {want.flat[wrong[0]]}" if len(wrong) else ""
    with np.errstate(invalid="ignore", over="ignore"):
        unit = np.spacing(np.maximum(np.abs(want), 1).astype(narrowest))
        apart = np.abs(got - want) / unit
        same = (got == want) | (np.isnan(got) & np.isnan(want)) | (apart <= ULPS)
    wrong = np.flatnonzero(~np.ravel(same))
    return f"{got.flat[wrong[0]]} and {want.flat[wrong[0]]}, {apart.flat[wrong[0]]:.0f} ulp" if len(wrong) else ""


@check("fused", "case")
def fused(subject: Subject) -> Outcome:
    """Between neighbours that could fuse with it, planned and node by node, the op gives the same bits."""
    if subject.op.random or subject.writes:
        return skip("it is random, or writes variables")

    def through(t: Any) -> Any:
        return ops.negative(ops.negative(t)) if t.dtype.is_floating else t

    def after(t: Any) -> Any:
        return ops.square(t) if t.dtype.is_floating else ops.identity(t)

    planned = subject.in_graph(through=through, after=after, plan="-rewrite,-fold")
    alone = subject.in_graph(through=through, after=after, plan="reference")
    for got, want in zip(planned, alone, strict=True):
        require(same_bits(got, want), f"{subject}: between fused neighbours the results differ from those node by node")
    return ok()


@check("post", "case")
def post(subject: Subject) -> Outcome:
    """A kernel that says OW_POST applies the epilogue once to each element it has finished."""
    found = [k for k in candidates(subject) if k.caps & POST]
    if not found:
        return skip("no kernel says OW_POST")
    for kernel in found:
        direct = Direct(kernel, subject).prepare()
        plain = direct.start().run().results()[0]
        applied = np.zeros(plain.size, int)
        run = direct.start()
        run.follow(_marker(run, plain.dtype, applied))
        got = run.run().results()[0]
        who = f"{subject}: {described(kernel)}"
        once = np.flatnonzero(applied != 1)
        require(not len(once), f"{who} applies its epilogue {applied[once[:1]]} times to element {once[:1]}, not once")
        wanted = np.bitwise_xor(plain.reshape(-1).view(np.uint8), 1)
        require(
            wanted.tobytes() == got.tobytes(), f"{who} writes elements again after the epilogue was applied to them"
        )
    return ok(f"{len(found)} kernels")


def _marker(run: Any, dtype: Any, applied: Array) -> Any:
    """An epilogue that counts its elements and flips a bit of each byte of them."""

    def apply(post: Any, elements: Any, first: int, n: int, worker: int) -> int:
        applied[first : first + n] += 1
        block = np.frombuffer(ffi.buffer(ffi.cast("char *", elements), n * dtype.itemsize), np.uint8)
        np.bitwise_xor(block, 1, out=block)
        return 0

    return ffi.callback(ffi.typeof(ffi.new("ow_post *").apply), apply)
