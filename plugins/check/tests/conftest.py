"""A package of ops that are wrong, installed in a folder of its own: built once a session."""

import shutil
import subprocess
import sys
from pathlib import Path

import opwright as ow
import pytest

HERE = Path(__file__).parent
CORE = Path(ow.__file__).parent

SETUP = '''"""Ops that are wrong, each in one way."""

from opwright import OpDef, hookimpl, ops

one = {"T": ("float32",)}


def op(name, ref=True, signature="(x: T['*s']) -> (y: T['*s'])", **options):
    made = OpDef(f"wrong::{name}{signature}", **{**one, "gradient": None, **options})
    if ref:
        made.ref(lambda x: 2 * x)
    return made


NAMES = """right misfit inexact nanless lowers dense aligned overruns meddles unwritten inplace dealt shared threaded
scalar no_c two_forms counts epilogue throws leaks variant beyond aborts sleeps unsaved sloppy""".split()
ALL = [op(name) for name in NAMES]
ALL.append(lacking := op("lacking", ref=False, T=("float32", "float64")))

foreseen = OpDef("wrong::foreseen(x: T['n']) -> (y: T)", gradient=None, **one)
foreseen.shape(lambda c: c.shape("x") if c.final else [None if d is None else d + 1 for d in c.shape("x")])

unknown = OpDef("wrong::unknown(x: T['n']) -> (y: T)", gradient=None, **one)
unknown.shape(lambda c: [d or 0 for d in c.shape("x")])

crash = OpDef("wrong::crash(x: T, k: int) -> (y: T)", gradient=None, **one)
crash.shape(lambda c: [c.shape("x").as_list()[c.attr.k] for _ in c.shape("x")] and c.shape("x"))

slope = OpDef("wrong::slope(x: T['*s']) -> (y: T['*s'])", T=("float64",))
slope.gradient(lambda node, dy: 3 * dy)

cube = OpDef("wrong::cube(x: T['*s']) -> (y: T['*s'])", T=("float64",))
cube.gradient(lambda node, dy: 3 * dy * ops.square(ops.stop_gradient(node.input("x"))))

odd = OpDef("wrong::odd(x: T['*s']) -> (y: T['*s'])", T=("float64",))
odd.gradient(lambda node, dy: 2 * ops.stop_gradient(dy))

swollen = OpDef("wrong::swollen(x: T['*s']) -> (y: T['*s'])", T=("float64",))
swollen.gradient(lambda node, dy: ops.expand_dims(2 * dy, 0))

small, vast = (op(name, ref=False, T=("int8",)) for name in ("small", "vast"))

numbered = op("numbered", ref=False, signature="(x: T['*b n']) -> (y: T['*b n'])")


@hookimpl
def opwright_register_ops(register):
    register(*ALL, foreseen, unknown, crash, slope, cube, odd, swollen, numbered, small, vast)
'''


@pytest.fixture(scope="session")
def wrong_folder(tmp_path_factory):
    """The folder that has the package wrong_ops, to stand on a path. Skips where there is no C++ compiler."""
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("needs a C++ compiler on Linux")
    folder = tmp_path_factory.mktemp("wrong")
    package = folder / "wrong_ops"
    package.mkdir()
    (package / "__init__.py").write_text(SETUP)
    info = folder / "wrong_ops-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: wrong-ops\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[opwright.ops]\nwrong = wrong_ops\n")
    command = [compiler, "-std=c++17", "-O1", "-fPIC", "-shared", "-fvisibility=hidden", f"-I{CORE / 'include'}"]
    command += [
        '-DOW_DIST="wrong-ops"',
        '-DOW_VERSION="1.0"',
        str(HERE / "wrong.cpp"),
        str(CORE / "cmake" / "library.cpp"),
    ]
    subprocess.run([*command, "-o", str(package / "libwrong_cpu.so"), "-lpthread"], check=True)
    return folder


@pytest.fixture(scope="session")
def wrong(wrong_folder):
    """The wrong ops by name."""
    sys.path.insert(0, str(wrong_folder))
    try:
        import wrong_ops
        from opwright.registry import registry

        made = [t for t in vars(wrong_ops).values() if isinstance(t, ow.OpDef)]
        made += wrong_ops.ALL
        for op in made:
            op.package = "wrong_ops"
        registry.register(*made)
        yield {op.name.removeprefix("wrong::"): op for op in made}
    finally:
        sys.path.remove(str(wrong_folder))
