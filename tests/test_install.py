"""Packages come, go, clash and break: each does what it should, and everything else goes on working."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import opwright as ow
import pytest
from opwright.kernels import open_library

GUESTS = Path(__file__).parent.parent / "plugins"
INCLUDE = Path(ow.__file__).parent / "include"
COMPILER = shutil.which("cc")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler")
needs_elf = pytest.mark.skipif(sys.platform != "linux", reason="no ELF here")

PACKAGE = """
from opwright import OpDef, hookimpl

twice = OpDef("acme::twice(x: T['n']) -> (y: T['n'])", T=("float32",), gradient=None)

@hookimpl
def opwright_register_ops(register):
    register(twice)
"""
LIBRARY = r"""
#include "opwright/kernel.h"
%(declare)s
static int32_t score(const ow_plan *plan) { (void)plan; return %(score)s; }
static int32_t run(const ow_call *call, int64_t a, int64_t b) {
  (void)a; (void)b;
  for (int64_t i = 0; i < call->in[0]->shape[0]; ++i)
    ((float *)call->out[0]->data)[i] = %(result)s * ((const float *)call->in[0]->data)[i];
  return OW_OK;
}
static const ow_kernel kernel = {.struct_size = sizeof(ow_kernel), .op = "acme::twice", .device = "cpu",
                                 .signature = "float32->float32", .variant = "%(variant)s", .score = score, .run = run};
static const ow_kernel *const table[] = {&kernel};
static const ow_library library = {sizeof(ow_library), %(major)s, 0, %(needs)s, "acme-ops", "1.0", 1, table};
const ow_library *ow_library_v1(const ow_host *host) { (void)host; return &library; }
"""


def build(package, name="acme", flags=(), **changes):
    """A kernel library in a package's folder."""
    given = {"declare": "", "result": "2", "variant": "own", "score": "100", "major": "1", "needs": "0"} | changes
    source = package / "kernel.c"
    source.write_text(LIBRARY % given)
    path = package / f"lib{name}_cpu.so"
    command = [COMPILER, "-std=c11", "-fPIC", "-shared", f"-I{INCLUDE}", *flags, str(source), "-o", str(path)]
    subprocess.run(command, check=True)
    return path


USE = """
    import opwright as ow
    print(ow.add(1.0, 2.0).numpy())
    try:
        print(ow.acme.twice([1.0, 2.0]).numpy())
    except Exception as e:
        print(type(e).__name__, e)
    print(ow.nn.relu([-1.0, 4.0]).numpy())
"""


def used(site, **settings):
    """What using the op says; that two others work is checked."""
    first, *said, last = site.run(USE, **settings).strip().split("\n")
    assert (first, last) == ("3.0", "[0. 4.]")
    return "\n".join(said)


def doctor(site):
    """What `opwright doctor` finds wrong."""
    checks = json.loads(site.module("opwright", "doctor", "--json", status=1))
    return [check["text"] for check in checks if check["state"] == "wrong"]


# -- libraries ---------------------------------------------------------------------------------------------------------


@needs_compiler
def test_a_library_is_opened_when_its_op_is_used(site):
    build(site.make("acme-ops", "acme_ops", PACKAGE))
    assert used(site) == "[2. 4.]"


@needs_compiler
def test_a_missing_symbol(site):
    build(site.make("acme-ops", "acme_ops", PACKAGE), declare="float of_nowhere(void);", result="of_nowhere()")
    said = used(site)
    assert said.startswith("LibraryError [acme::twice] no cpu kernel for float32->float32; cpu has none at all; ")
    assert "libacme_cpu.so could not be opened" in said
    assert "undefined symbol: of_nowhere" in said
    (wrong,) = doctor(site)
    assert "acme_ops (acme-ops 1.0)" in wrong
    assert "undefined symbol: of_nowhere" in wrong


@needs_compiler
def test_a_library_that_needs_another_one(site):
    package = site.make("acme-ops", "acme_ops", PACKAGE)
    other = package / "libother.so"
    subprocess.run([COMPILER, "-shared", "-fPIC", "-xc", "/dev/null", "-o", str(other)], check=True)
    build(package, flags=["-Wl,--no-as-needed", str(other)])
    other.unlink()
    assert "libother.so: cannot open shared object file" in used(site)


@needs_elf
@needs_compiler
def test_a_library_for_another_machine(site):
    path = build(site.make("acme-ops", "acme_ops", PACKAGE))
    patch(path, 18, b"\xb7\x00")
    assert "libacme_cpu.so is built for aarch64, this is linux on " in used(site)
    assert "libacme_cpu.so is built for aarch64" in doctor(site)[0]
    for offset, value, said in ((18, b"\xf3\x00", "RISC-V"), (4, b"\x01", "32 bits")):
        patch(path, offset, value)
        assert f"libacme_cpu.so is built for {said}, this is linux" in open_library(path).error


def patch(path, offset, value):
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(value)


@needs_elf
@pytest.mark.parametrize(
    ("start", "system"), [(b"MZ\x90\x00", "Windows"), (b"\xcf\xfa\xed\xfe", "macOS"), (b"\xca\xfe\xba\xbe", "macOS")]
)
def test_a_library_for_another_system(tmp_path, start, system):
    path = tmp_path / "libacme_cpu.so"
    path.write_bytes(start + bytes(200))
    assert open_library(path).error.startswith(f"libacme_cpu.so is built for {system}, this is linux on ")


@needs_compiler
def test_a_library_too_new(site):
    build(site.make("acme-ops", "acme_ops", PACKAGE), needs="1ull << 50")
    want = (
        "acme-ops 1.0 (libacme_cpu.so) needs feature 50 of the kernel ABI, which this Opwright does not have; upgrade"
    )
    assert want in used(site)
    assert want in doctor(site)[0]


@needs_compiler
def test_a_library_of_another_major_version(site):
    build(site.make("acme-ops", "acme_ops", PACKAGE), major="2")
    assert "acme-ops 1.0 (libacme_cpu.so) is built for kernel ABI 2, this Opwright has 1; reinstall it" in used(site)


def test_no_library_at_all(site):
    package = site.make("acme-ops", "acme_ops", PACKAGE)
    said = used(site)
    assert "cpu has none at all" in said
    assert f"there is no library in {package}" in said


# -- kernel packs ------------------------------------------------------------------------------------------------------

PACK = """
from opwright import hookimpl
from opwright.kernels import KernelPack

@hookimpl
def opwright_register_kernels(register):
    register(KernelPack("fast", ops=("acme::twice",), package="fast_pack"))
"""


@pytest.fixture
def packed(site):
    """acme::twice with its own kernel, which doubles, and a pack's, which is wrong in a way that can be seen."""
    build(site.make("acme-ops", "acme_ops", PACKAGE))

    def add(score):
        build(site.make("fast-pack", "fast_pack", PACK, group="opwright.plugins"), "fast", score=score, result="10",
              variant="fast")  # fmt: skip
        return site

    return add


@needs_compiler
def test_a_pack_wins_by_its_score(packed):
    assert used(packed("200")) == "[10. 20.]"


@needs_compiler
def test_a_pack_with_a_lower_score_loses(packed):
    assert used(packed("50")) == "[2. 4.]"


@needs_compiler
def test_a_kernel_can_be_pinned(packed):
    site = packed("200")
    assert used(site, OPWRIGHT_KERNELS="acme::twice=own") == "[2. 4.]"
    assert used(site, OPWRIGHT_KERNELS="matmul=portable,acme::twice=fast") == "[10. 20.]"
    assert used(site, OPWRIGHT_KERNELS="-fast,-nowhere") == "[2. 4.]"
    said = used(site, OPWRIGHT_KERNELS="acme::twice=slow")
    assert "[acme::twice] OPWRIGHT_KERNELS must name one of its cpu kernels (own, fast), got 'slow'" in said
    with pytest.raises(AssertionError, match="OPWRIGHT_KERNELS must read op=variant,-variant, got 'fast'"):
        used(site, OPWRIGHT_KERNELS="fast")


def test_a_pack_whose_library_is_gone_leaves_the_rest(site):
    site.make(
        "acme-ops",
        "acme_ops",
        PACKAGE.replace("gradient=None)", "gradient=None)\ntwice.kernel('cpu')(lambda x: 2 * x)"),
    )
    site.make("fast-pack", "fast_pack", PACK, group="opwright.plugins")
    assert used(site) == "[2. 4.]"


# -- packages ----------------------------------------------------------------------------------------------------------


def test_a_hundred_packages_cost_little(site):
    """Importing Opwright costs nothing more; the first op pays for reading the entry points and sources."""
    program = """
        import time
        start = time.process_time()
        import opwright as ow
        imported = time.process_time()
        ow.math
        print(imported - start, time.process_time() - imported)
    """.replace("ow.math", "ow.ops.matmul")
    few = [[float(t) for t in site.run(program).split()] for _ in range(3)]
    for i in range(100):
        source = PACKAGE.replace("acme::twice", f"acme{i}::twice")
        site.make(f"acme-ops-{i}", f"acme_ops_{i}", source)
    many = [[float(t) for t in site.run(program).split()] for _ in range(3)]
    for before, after in zip(zip(*few, strict=True), zip(*many, strict=True), strict=True):
        assert min(after) - min(before) < 0.060  # 20 ms on a machine that does nothing else


@pytest.mark.slow
def test_pip_install_and_uninstall(environment):
    program = "import opwright as ow; print(ow.tutorial.zero_out([5, 4, 3]).numpy(), ow.ops.tutorial.zero_out.name)"
    environment.install(GUESTS / "zero_out")
    environment.install(GUESTS / "acme_softplus")
    assert environment.run(program) == "[5 0 0] tutorial::zero_out\n"
    listed = environment.module("opwright", "list", "--json")
    assert {"name": "tutorial_zero_out", "version": "0.1.0", "error": None}.items() <= next(
        p for p in json.loads(listed)["packages"] if p["name"] == "tutorial_zero_out"
    ).items()
    by_file = """
import glob, opwright_tf1 as tf, tutorial_zero_out
(path,) = glob.glob(tutorial_zero_out.__path__[0] + "/*.so")
module = tf.load_op_library(path)
print(tf.Session().run(module.zero_out([[1, 2], [3, 4]])).tolist(), dir(module))
"""
    assert environment.run(by_file).startswith("[[1, 0], [0, 0]] ")
    environment.pip("uninstall", "-y", "tutorial-zero-out")
    gone = "import opwright as ow\ntry: ow.tutorial\nexcept AttributeError as e: print(e)"
    assert "unknown op or function 'tutorial'" in environment.run(gone)
    assert "0.693" in environment.run("import opwright as ow; print(ow.acme.softplus(0.0).numpy())")


def test_doctor_tells_of_packages_that_are_broken_or_clash(site):
    site.make("acme-ops", "acme_ops", PACKAGE)
    site.make("rival-ops", "rival_ops", PACKAGE)
    site.make("broken-ops", "broken_ops", "raise RuntimeError('half written')\n")
    hook = "from opwright import hookimpl\n\n@hookimpl\ndef opwright_doctor(report):\n    raise OSError('no thermometer')\n"
    site.make("ill-plugin", "ill_plugin", hook, group="opwright.plugins")
    wrong = "\n".join(doctor(site))
    assert "broken_ops (broken-ops 1.0) could not be loaded: RuntimeError: half written" in wrong
    assert "'acme.twice' comes from both acme-ops 1.0 (acme_ops) and rival-ops 1.0 (rival_ops); uninstall one" in wrong
    assert "its part of doctor fails: OSError: no thermometer" in wrong


def test_a_package_of_one_file(site):
    package = site.make("acme-ops", "acme_ops", "")
    (package / "__init__.py").unlink()
    package.rmdir()
    kernel = "gradient=None)\ntwice.kernel('cpu')(lambda x: 2 * x)"
    package.with_suffix(".py").write_text(PACKAGE.replace("gradient=None)", kernel))
    assert used(site) == "[2. 4.]"
