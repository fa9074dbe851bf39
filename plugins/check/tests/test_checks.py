"""Each check catches an op that is wrong in just its way, and passes one that is right."""

import re

import pytest
from opwright import dims
from opwright_check.suite import CHECKS, check_op, check_package

WRONG = [  # check, op, what the failure says
    ("drawing", "crash", r"raises IndexError"),
    ("kernels", "misfit", r"must name the dtypes of 1 arguments .* got 2"),
    ("dtypes", "lacking", r"no drawn call is taken with T=float64: .*no cpu kernel for float64->float64"),
    ("shape-function", "foreseen", r"is foreseen as float32 of shape \(.*\), it comes out as shape"),
    ("kernel-shape", "lowers", r"leaves the shape \(.*\), \(.*\) was planned"),
    ("unknown-dims", "unknown", r"built for inputs .* the shape \(0,\) is foreseen, \(.*\) comes out"),
    ("numerics", "inexact", r"output 0 differs from ref: \d+ of \d+ elements, the first at"),
    ("extremes", "nanless", r"output 0 differs from ref: .*: 0.0, nan expected"),
    ("gradient", "slope", r"the gradient with respect to x at .* is .*, central differences give"),
    (
        "gradient",
        "swollen",
        r"the gradient must have the shape .* of its input, got \(1, .*; the op's gradient function is wrong",
    ),
    ("forward", "odd", r"<u, Jv> must be <Jᵀu, v>, got 0 and .*; the gradient must be linear in dy"),
    ("vmap", "numbered", r"output 0 of vmap differs from that of the examples one by one"),
    ("second-order", "cube", r"the second derivative with respect to x at .* is 0, central differences give"),
    ("strides", "dense", r"with transposed inputs output 0 differs"),
    ("misaligned", "aligned", r"gives other results from misaligned memory"),
    ("guards", "overruns", r"writes outside output 0: \d bytes after it, 1 bytes away"),
    ("guards", "meddles", r"changes its input x, which it does not declare as ref"),
    ("poison", "unwritten", r"depends on what memory held before"),
    ("inplace", "inplace", r"gives other results with output 0 in the place of input 0"),
    ("determinism", "dealt", r"gives other results on another worker"),
    ("concurrent", "shared", r"called by 8 threads at once: .*the results differ"),
    ("no-threads", "threaded", r"starts threads: there were \d+, then \d+"),
    ("tile-run-scalar", "scalar", r"differs from 'x0 \* 3'"),
    ("tile-run-scalar", "no_c", r"the scalar expression 'twice\(x0\)' is no C over float32"),
    ("tile-run-scalar", "two_forms", r"tile and run of .* differ"),
    ("fused", "counts", r"between fused neighbours the results differ"),
    ("post", "epilogue", r"applies its epilogue \[0\] times to element"),
    ("no-memory", "throws", r"prepare kills the process \(SIGABRT\) when memory runs out; return OW_NO_MEMORY"),
    ("no-leak", "leaks", r"each prepare of .* leaves \d+ bytes behind"),
    ("variants", "variant", r"output 0 of the cpu kernel two float32->float32 differs from that of"),
    ("abi", "beyond", r"gives other results under the newest host table"),
]


def outcome(op, check):
    """The result of one check; drawing is reported by every check."""
    found = {r.check: r for r in check_op(op, [] if check not in CHECKS else [check], started=lambda _: None)}
    return found[check]


@pytest.mark.parametrize(
    ("check", "name", "said"), WRONG, ids=lambda v: v if isinstance(v, str) and len(v) < 20 else ""
)
def test_a_wrong_op_is_caught(wrong, check, name, said):
    result = outcome(wrong[name], check) if check != "drawing" else next(
        r for r in check_op(wrong[name], ["kernels"], started=lambda _: None) if r.check == "drawing"
    )  # fmt: skip
    assert result.state == "fail"
    assert re.search(said, result.text), result.text


def test_a_right_op_passes(wrong):
    found = {r.check: r for r in check_op(wrong["right"], started=lambda _: None)}
    assert {c: r.text for c, r in found.items() if r.state == "fail"} == {"save-load": found["save-load"].text} or not [
        r for r in found.values() if r.state == "fail"
    ]
    passed = {c for c, r in found.items() if r.state == "ok"}
    assert {
        "numerics",
        "extremes",
        "strides",
        "misaligned",
        "guards",
        "poison",
        "determinism",
        "abi",
        "no-memory",
    } <= passed


def test_signatures_that_nobody_enforces_are_caught(wrong, monkeypatch):
    from opwright import OpDef

    tied = OpDef("wrong::tied(x: T['n'], y: T['n']) -> (z: T['n'])", gradient=None, T=("float32",))
    tied.kernel("cpu")(lambda x, y: x)
    assert outcome(tied, "refusals").state == "ok"
    monkeypatch.setattr(dims, "_match_dim", lambda schema, arg, name, dim, shape, sizes: sizes.setdefault(name, dim))
    result = outcome(tied, "refusals")
    assert result.state == "fail"
    assert re.fullmatch(r"wrong::tied with y of shape .* \(n does not agree\) must be refused; it ran", result.text)


def test_kernels_without_an_op_and_stray_exports_are_caught(wrong):
    found = {r.check: r for r in check_package("wrong_ops")}
    assert found["library"].state == "fail"
    assert "has a kernel of 'wrong::nobody', which is not registered" in found["library"].text
    assert found["binary"].state == "fail"
    assert "it must export ow_library_v1 alone, got" in found["binary"].text


def test_an_op_known_to_this_process_alone_does_not_load(wrong):
    from opwright.registry import registry

    result = outcome(wrong["unsaved"], "save-load")
    if "save" not in registry.all_names():
        assert (result.state, result.text) == ("skip", "there is no ow.save")
    else:
        assert result.state == "fail"


def test_without_a_gpu_its_check_says_why(wrong):
    result = outcome(wrong["right"], "gpu")
    assert result.state in ("ok", "skip")
    assert result.state == "ok" or "GPU" in result.text


@pytest.mark.slow
def test_offsets_of_32_bits_are_caught(wrong):
    found = {name: outcome(wrong[name], "large") for name in ("small", "vast")}
    if found["small"].state == "skip":
        pytest.skip(found["small"].text)
    assert re.search(r"of \d+ times that, output 0 differs from the \d+th on", found["small"].text)
    assert (found["vast"].state, found["vast"].text) == ("ok", "2.1 GB")
    assert "large" not in {r.check for r in check_op(wrong["right"], started=lambda _: None)}  # only if asked for


def test_the_cost_line_has_time_and_throughput(wrong):
    assert "ns an element" in outcome(wrong["right"], "cost").text


def test_every_check_has_a_wrong_op():
    elsewhere = {"large", "library", "binary", "refusals", "save-load", "gpu", "cost"}
    assert set(CHECKS) == {check for check, _, _ in WRONG if check != "drawing"} | elsewhere
