"""The C line: plugins compiled against this kernel.h, an older and a newer one; what is refused, with which words."""

import itertools
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import opwright as ow
import pytest
from opwright import OpDef
from opwright.errors import InvalidArgumentError, LibraryError, OutOfRangeError
from opwright.kernels import kernels, open_library
from opwright.registry import registry

HEADER = (Path(ow.__file__).parent / "include" / "opwright" / "kernel.h").read_text()
COMPILER = shutil.which("cc") or shutil.which("gcc")
pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler")
_number = itertools.count()

PLUGIN = r"""
#include "opwright/kernel.h"

/* one op, op %(op)s */
static void tile(void *out, const void *const *in, int64_t n, const void *state) {
  float *y = (float *)out;
  const float *x = (const float *)in[0];
  (void)state;
  for (int64_t i = 0; i < n; ++i) y[i] = 2 * x[i];
}
static const ow_kernel twice = {.struct_size = sizeof(ow_kernel), .op = "%(op)s", .device = "cpu",
                                .signature = "float32->float32", .tile = tile};

static int32_t prepare(ow_plan *plan) {
  plan->n_chunks = plan->out[0]->shape[0];
  plan->worker_scratch_bytes = 16;
  plan->scratch_bytes = 8 * (uint64_t)plan->n_chunks;
  return OW_OK;
}
static int32_t run(const ow_call *call, int64_t first, int64_t last) {
  for (int64_t i = first; i < last; ++i) {
    float x = ((const float *)call->in[0]->data)[i];
    if (x < 0) return OW_FAIL(call, OW_OUT_OF_RANGE, "x must not be negative, got %%g", (double)x);
    ((double *)call->scratch)[i] = x;
    ((float *)call->out[0]->data)[i] = 2 * x;
  }
  return OW_OK;
}
static int32_t finish(const ow_call *call) {
  double sum = 0;
  for (int64_t i = 0; i < call->n_chunks; ++i) sum += ((double *)call->scratch)[i];
  *(double *)call->out[1]->data = sum;
  return OW_OK;
}
static const ow_kernel chunked = {.struct_size = sizeof(ow_kernel), .op = "%(op)s_chunked", .device = "cpu",
                                  .signature = "float32->float32,float64", .prepare = prepare, .run = run,
                                  .finish = finish};

static const ow_kernel *const table[] = {&twice, &chunked};
static const ow_library library = {sizeof(ow_library), %(major)s, OW_ABI_MINOR, %(needs)s, "abi-test", "1.2.3", 2, table};
const ow_library *ow_library_v1(const ow_host *host) {
  (void)host;
  return &library;
}
"""


def older(header: str) -> str:
    """kernel.h as a first version might have been: some last members were not there yet."""
    for member in (
        "const char *scalar;",
        "const volatile int32_t *cancel;",
        "double flops, bytes;",
        "const void *(*extension)(const char *name, uint32_t min_size);",
    ):
        assert member in header, member
        header = re.sub(re.escape(member) + r".*", "", header)
    return header


def newer(header: str) -> str:
    """kernel.h as a later version might be: every struct that may grow has grown, at its end."""
    header = header.replace("#define OW_ABI_MINOR 0", "#define OW_ABI_MINOR 7")
    for struct in ("ow_host", "ow_post", "ow_call", "ow_fold", "ow_packing", "ow_plan", "ow_kernel", "ow_library"):
        header, n = re.subn(r"\n} " + struct + ";", "\n  void *later[4];\n} " + struct + ";", header)
        assert n == 1, struct
    return header


def build(folder: Path, header: str = HEADER, major: int = 1, needs: str = "0", source: str = PLUGIN):
    """Compiles the plugin against a header. Returns the library's path and the name of its op."""
    op = f"abi::twice{next(_number)}"
    include = folder / f"include{next(_number)}" / "opwright"
    include.mkdir(parents=True)
    (include / "kernel.h").write_text(header)
    code = folder / "plugin.c"
    code.write_text(source % {"op": op, "major": major, "needs": needs})
    path = folder / f"lib{next(_number)}.so"
    flags = ["-std=c11", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Werror", "-O1", "-fPIC", "-shared"]
    subprocess.run([COMPILER, *flags, f"-I{include.parent}", str(code), "-o", str(path)], check=True)
    return path, op


def use(path: Path, op: str) -> None:
    library = open_library(path)
    assert library.error is None
    assert (library.dist, library.version) == ("abi-test", "1.2.3")
    kernels.add(library.kernels)
    twice = OpDef(f"{op}(x: T['*s']) -> (y: T['*s'])", T=("float32",), gradient=None)
    chunked = OpDef(f"{op}_chunked(x: T['n']) -> (y: T['n'], sum: float64[''])", T=("float32",), gradient=None)
    registry.register(twice, chunked)


@pytest.mark.parametrize("header", [HEADER, older(HEADER), newer(HEADER)], ids=["same", "older", "newer"])
def test_a_plugin_built_with_any_header_runs(tmp_path, header):
    path, op = build(tmp_path, header)
    use(path, op)
    twice, chunked = registry.op(op), registry.op(f"{op}_chunked")
    np.testing.assert_array_equal(twice(np.float32([1, 2.5])), [2, 5])
    np.testing.assert_array_equal(twice(np.ones((3, 5), np.float32)) + 1.0, np.full((3, 5), 3.0))
    doubled, total = chunked(np.arange(1000, dtype=np.float32))
    np.testing.assert_array_equal(doubled, 2.0 * np.arange(1000))
    assert float(total) == 499500
    with pytest.raises(OutOfRangeError, match=r"x must not be negative, got -3"):
        chunked(np.float32([1, -3]))
    np.testing.assert_array_equal(twice(np.float32([4])), [8])


def test_a_plugin_that_needs_what_this_core_lacks_is_refused_with_a_sentence(tmp_path):
    path, _ = build(tmp_path, needs="(1ull << 40) | OW_FEATURE_TILE")
    error = open_library(path).error
    assert error == (
        f"abi-test 1.2.3 ({path.name}) needs feature 40 of the kernel ABI, which this Opwright does not have; upgrade opwright"
    )


def test_another_major_version_is_refused(tmp_path):
    path, _ = build(tmp_path, major=2)
    assert "is built for kernel ABI 2, this Opwright has 1; reinstall it" in open_library(path).error


def test_files_that_are_no_libraries_are_refused(tmp_path):
    text = tmp_path / "libtext.so"
    text.write_text("not a library")
    assert "libtext.so could not be opened" in open_library(text).error
    path, _ = build(
        tmp_path, source="#include <stdint.h>\nint32_t unrelated(void);\nint32_t unrelated(void) { return 1; }\n"
    )
    assert "ow_library_v1" in open_library(path).error
    path, _ = build(
        tmp_path,
        source='#include "opwright/kernel.h"\nconst ow_library *ow_library_v1(const ow_host *h) { (void)h; return NULL; }\n',
    )
    assert "does not run on this machine" in open_library(path).error


def test_a_kernel_that_declines_makes_room_for_the_next_one(tmp_path):
    source = r"""
#include "opwright/kernel.h"
static int32_t even(ow_plan *plan) {
  if (plan->in[0]->shape[0] %% 2) return OW_FAIL(plan, OW_UNSUPPORTED, "takes even sizes, got %%d", (int)plan->in[0]->shape[0]);
  return OW_OK;
}
static int32_t score(const ow_plan *plan) { (void)plan; return 200; }
static int32_t run(const ow_call *call, int64_t a, int64_t b) { (void)a; (void)b; *(float *)call->out[0]->data = 2; return OW_OK; }
static int32_t slow(const ow_call *call, int64_t a, int64_t b) { (void)a; (void)b; *(float *)call->out[0]->data = 1; return OW_OK; }
static int32_t never(const ow_plan *plan) { return OW_FAIL(plan, 0, "not on Tuesdays"); }
static const ow_kernel k0 = {.struct_size = sizeof(ow_kernel), .op = "%(op)s", .device = "cpu", .signature = "float32->float32", .variant = "even", .score = score, .prepare = even, .run = run};
static const ow_kernel k1 = {.struct_size = sizeof(ow_kernel), .op = "%(op)s", .device = "cpu", .signature = "float32->float32", .variant = "any", .run = slow};
static const ow_kernel k2 = {.struct_size = sizeof(ow_kernel), .op = "%(op)s", .device = "cpu", .signature = "float64->float64", .variant = "tuesday", .score = never, .run = slow};
static const ow_kernel *const table[] = {&k0, &k1, &k2};
static const ow_library library = {sizeof(ow_library), %(major)s, 0, %(needs)s, "abi-test", "1.2.3", 3, table};
const ow_library *ow_library_v1(const ow_host *host) { (void)host; return &library; }
"""
    path, op = build(tmp_path, source=source)
    kernels.add(open_library(path).kernels)
    registry.register(OpDef(f"{op}(x: T['n']) -> (y: T[''])", T=("float32", "float64", "int32"), gradient=None))
    choose = registry.op(op)
    assert float(choose(np.zeros(4, np.float32))) == 2
    assert float(choose(np.zeros(3, np.float32))) == 1
    with pytest.raises(LibraryError, match=r"no cpu kernel for float64->float64 \(tuesday: not on Tuesdays\)"):
        choose(np.zeros(3, np.float64))
    with pytest.raises(
        LibraryError, match=r"no cpu kernel for int32->int32; cpu has float32->float32; float64->float64"
    ):
        choose(np.zeros(3, np.int32))


PACKER = r"""
#include "opwright/kernel.h"
#include <stdlib.h>
/* y[i] = x[i] w[n - 1 - i]: reads w backwards unless it is given a copy that is turned already, and counts the copies */
typedef struct { int64_t n; int packed; ow_packing packing; } state;
static int32_t turn(const ow_call *call, int64_t first, int64_t last) {
  const int64_t n = ((const state *)call->state)->n;
  (void)first; (void)last;
  for (int64_t i = 0; i < n; ++i) ((float *)call->out[0]->data)[i] = ((const float *)call->in[0]->data)[n - 1 - i];
  ((float *)call->out[0]->data)[n] += 1;
  return OW_OK;
}
static int32_t prepare(ow_plan *plan) {
  state *s = (state *)calloc(1, sizeof *s);
  s->n = plan->in[0]->shape[0];
  if (OW_HAS(plan, packing) && plan->reused_in >> 1 & 1) {
    ow_packing asked = {sizeof(ow_packing), 1, 4 * (uint64_t)(s->n + 1), 1, "turned", turn};
    s->packed = 1;
    s->packing = asked;
    plan->packing = &s->packing;
  }
  plan->state = s;
  plan->free_state = free;
  return OW_OK;
}
static int32_t run(const ow_call *call, int64_t first, int64_t last) {
  const state *s = (const state *)call->state;
  const float *x = (const float *)call->in[0]->data, *w = (const float *)call->in[1]->data;
  (void)first; (void)last;
  for (int64_t i = 0; i < s->n; ++i) ((float *)call->out[0]->data)[i] = x[i] * (s->packed ? w[i] : w[s->n - 1 - i]);
  *(float *)call->out[1]->data = s->packed ? w[s->n] : 0;
  return OW_OK;
}
static const ow_kernel turned = {.struct_size = sizeof(ow_kernel), .op = "%(op)s", .device = "cpu",
                                 .signature = "float32,float32->float32,float32", .prepare = prepare, .run = run};
static const ow_kernel *const table[] = {&turned};
static const ow_library library = {sizeof(ow_library), %(major)s, OW_ABI_MINOR, %(needs)s, "abi-test", "1", 1, table};
const ow_library *ow_library_v1(const ow_host *host) { (void)host; return &library; }
"""


@pytest.mark.parametrize("header", [HEADER, newer(HEADER)], ids=["same", "newer"])
def test_a_plugin_gets_the_copy_it_asks_for(tmp_path, header, graph, session):
    path, name = build(tmp_path, header, source=PACKER)
    kernels.add(open_library(path).kernels)
    registry.register(
        OpDef(f"{name}(x: T['n'], w: T['n']) -> (y: T['n'], copies: T[''])", T=("float32",), gradient=None)
    )
    op, x = registry.op(name), ow.placeholder("float32", [5])
    w = ow.Variable(np.arange(5.0), dtype="float32")
    session.run(w.initializer)
    at = np.array([1.0, 2, 3, 4, 5], np.float32)
    want = at * np.arange(5.0)[::-1]

    alone = [*op(x, w), ow.assign_add(w, ow.zeros([5]))]  # the copy would serve once
    for _ in range(2):
        found = session.run(alone, {x: at})
        np.testing.assert_array_equal(found[0], want)
        assert found[1] == 0
    kept = op(x, w)  # nothing is written: it serves until something is
    assert [session.run(kept, {x: at})[1] for _ in range(3)] == [1, 1, 1]
    session.run(ow.assign(w, 2.0 * np.arange(5)))
    again = [session.run(kept, {x: at}) for _ in range(2)]
    np.testing.assert_array_equal(again[1][0], 2 * want)
    assert [found[1] for found in again] == [2, 2]


def test_prepare_may_refuse_a_value(tmp_path):
    source = PLUGIN.replace(
        "plan->n_chunks = plan->out[0]->shape[0];",
        'if (plan->out[0]->shape[0] > 3) return OW_FAIL(plan, OW_INVALID, "n must be at most 3");',
    )
    path, op = build(tmp_path, source=source)
    use(path, op)
    with pytest.raises(InvalidArgumentError, match="n must be at most 3"):
        registry.op(f"{op}_chunked")(np.zeros(4, np.float32))


def test_the_header_is_c11_and_cpp17(tmp_path):
    include = Path(ow.__file__).parent / "include"
    for language, standard in (("c", "c11"), ("c++", "c++17")):
        source = tmp_path / "empty"
        source.write_text('#include "opwright/kernel.h"\n')
        command = [
            COMPILER,
            "-x",
            language,
            f"-std={standard}",
            "-Wall",
            "-Wextra",
            "-pedantic",
            "-Werror",
            "-fsyntax-only",
        ]
        subprocess.run([*command, f"-I{include}", str(source)], check=True)


ROWS = re.escape("void (*rows)(void *out, const void *in, int64_t rows, int64_t n);")
FOLD = r"""
#include "opwright/kernel.h"
#include <math.h>
static void start(void *total) { *(double *)total = 0; }
static void fold(void *total, const void *in, int64_t n) {
  for (int64_t i = 0; i < n; ++i) *(double *)total += fabs(((const float *)in)[i]);
}
static void merge(void *total, const void *later) { *(double *)total += *(const double *)later; }
static void result(void *out, const void *total, int64_t n) { (void)n; *(float *)out = (float)*(const double *)total; }
static const ow_fold sum = {.struct_size = sizeof(ow_fold), .total_bytes = 8, .start = start, .fold = fold, .merge = merge, .result = result};
static int32_t prepare(ow_plan *plan) {
  plan->fold = &sum;
  plan->fold_size = plan->in[0]->shape[plan->in[0]->ndim - 1];
  return OW_OK;
}
static int32_t run(const ow_call *call, int64_t a, int64_t b) { (void)a; (void)b; return OW_FAIL(call, OW_INTERNAL, "must be fused"); }
static void twice(void *out, const void *const *in, int64_t n, const void *state) {
  (void)state;
  for (int64_t i = 0; i < n; ++i) ((float *)out)[i] = 2 * ((const float *)in[0])[i];
}
static const ow_kernel k0 = {.struct_size = sizeof(ow_kernel), .caps = OW_FOLDS, .op = "%(op)s", .device = "cpu", .signature = "float32->float32", .prepare = prepare, .run = run};
static const ow_kernel k1 = {.struct_size = sizeof(ow_kernel), .op = "%(op)s_twice", .device = "cpu", .signature = "float32->float32", .tile = twice};
static const ow_kernel *const table[] = {&k0, &k1};
static const ow_library library = {sizeof(ow_library), %(major)s, 0, %(needs)s, "abi-test", "1.2.3", 2, table};
const ow_library *ow_library_v1(const ow_host *host) { (void)host; return &library; }
"""


@pytest.mark.parametrize(
    "header", [HEADER, re.sub(ROWS + ".*", "", HEADER), newer(HEADER)], ids=["same", "older", "newer"]
)
def test_a_plugins_reduction_and_function_run_in_the_rows_of_others(graph, session, rng, tmp_path, header):
    path, op = build(tmp_path, header, source=FOLD)
    library = open_library(path)
    assert library.error is None
    kernels.add(library.kernels)
    norm = OpDef(f"{op}(x: T['n m']) -> (y: T['n'])", T=("float32",), gradient=None)
    twice = OpDef(f"{op}_twice(x: T['*s']) -> (y: T['*s'])", T=("float32",), gradient=None)
    registry.register(norm, twice)
    x = ow.placeholder("float32", [30, 20])
    y = ow.exp(x) / twice(norm(ow.exp(x)))[:, None]
    at = rng.normal(size=(30, 20)).astype(np.float32)
    e = np.exp(at.astype(np.float64))
    np.testing.assert_allclose(session.run(y, {x: at}), e / e.sum(1, keepdims=True) / 2, rtol=1e-5)
