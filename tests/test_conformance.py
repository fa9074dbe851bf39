"""What every registered op must hold, whoever wrote it."""

import inspect
from pathlib import Path

import numpy as np
import opwright as ow
import pytest
from opwright.kernels import kernels
from opwright.registry import registry

ROOT = Path(__file__).parent.parent
OPS = [op for op in registry.ops() if op.package and op.package.startswith("opwright_")]


def test_there_are_ops():
    assert len(OPS) > 250
    assert [p for p in registry.packages() if p.error] == []
    assert registry.clashes() == []


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_an_op_can_run_somewhere(op):
    """It has a kernel for the CPU, or is a view, a reference, known from shapes, or nothing the runtime runs."""
    planned = op.role != "kernel" or op.view_function or op.reference or op.rewrite_function or op.value_function
    assert planned or kernels.candidates(op, "cpu")


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_kernels_fit_the_signature(op):
    """Each kernel's dtypes are ones that the op takes, argument by argument."""
    tensors, outputs = op.schema.tensors, op.schema.outputs
    for kernel in kernels.candidates(op, "cpu"):
        ins, _, outs = kernel.signature.partition("->")
        for args, dtypes in ((tensors, ins), (outputs, outs)):
            listed = dtypes.split(",") if dtypes else []
            assert len(listed) == len(args), kernel
            for arg, dtype in zip(args, listed, strict=True):
                assert dtype in ("*", "none") or dtype in op.schema.dtypes_of(arg), (kernel, arg)


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_an_op_has_its_row_in_the_readme(op):
    (readme,) = ROOT.glob(f"*/{op.package.removeprefix('opwright_')}/README.md")
    assert f"{op.name}" in readme.read_text()


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_every_dtype_of_a_unary_op_has_a_kernel(op):
    """Ops of one tensor run for each dtype that their signature admits."""
    schema = op.schema
    if op.stateful:
        return  # its argument may name a file
    single = len(schema.tensors) == len(schema.outputs) == 1 and not schema.tensors[0].is_list
    if op.role != "kernel" or not single or schema.attributes or schema.tensors[0].is_ref or op.view_function:
        return
    for dtype in schema.dtypes_of(schema.tensors[0]):
        named = [d for d in schema.tensors[0].dims or () if d != "..." and not d.startswith("*")]
        ints = np.arange(2 ** len(named or "n")).reshape([2] * len(named or "n"))  # a permutation, a size, a matrix
        op(ow.strings.as_string(ints) if dtype == "string" else ow.cast(ow.constant(ints), dtype))


def test_public_functions_are_documented():
    registry.load_all()
    silent = [
        name
        for name, thing in registry._names.items()
        if (inspect.isfunction(thing) or inspect.isclass(thing)) and not inspect.getdoc(thing)
    ]
    assert silent == []
