"""The house's laws: what imports what, how long things are, that facts in two places agree."""

import ast
import io
import re
import sys
import tokenize
from pathlib import Path

import pytest
from opwright import hookspecs

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomllib")

ROOT = Path(__file__).parent.parent
CORE = ROOT / "core" / "opwright"
FAMILIES = sorted(p.parent for p in ROOT.glob("ops/*/pyproject.toml"))
PLUGINS = sorted(p.parent for p in ROOT.glob("plugins/*/pyproject.toml"))
SOURCES = sorted(
    p
    for suffix in ("py", "cpp", "cu", "h", "hpp", "cuh")
    for folder in ("core", "ops", "plugins", "tests")
    for p in (ROOT / folder).rglob(f"*.{suffix}")
)


def project(folder):
    return tomllib.loads((folder / "pyproject.toml").read_text())


def test_the_root_holds_what_the_design_says():
    found = {p.name for p in ROOT.iterdir() if not p.name.startswith(".") and p.name not in ("build", "dist")}
    allowed = {"pyproject.toml", "README.md", "LICENSE", "core", "ops", "plugins", "cookiecutter-op", "tests"}
    assert found == allowed


@pytest.mark.parametrize("file", sorted(CORE.rglob("*.py")), ids=lambda p: str(p.relative_to(CORE)))
def test_the_core_imports_no_family(file):
    for node in ast.walk(ast.parse(file.read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not [n for n in names if n.startswith("opwright_")], file


@pytest.mark.parametrize("folder", FAMILIES, ids=lambda p: p.name)
def test_families_do_not_import_each_other(folder):
    own = f"opwright_{folder.name}"
    for file in (folder / own).rglob("*.py"):
        found = re.findall(r"^\s*(?:from|import) (opwright_\w+)", file.read_text(), re.M)
        assert set(found) <= {own}, file


def test_no_file_is_too_long():
    long = {str(p.relative_to(ROOT)): n for p in SOURCES if (n := len(p.read_text().splitlines())) > 500}
    assert long == {}


def test_no_function_is_too_long():
    long = {}
    for file in SOURCES:
        if file.suffix != ".py" or "tests" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef) and _lines(node) > 40:
                long[f"{file.relative_to(ROOT)}:{node.name}"] = _lines(node)
    assert long == {}


def _lines(function):
    """The lines of the body, without docstring."""
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    start = function.body[1].lineno if documented and len(function.body) > 1 else first.lineno
    return function.end_lineno - start + 1


def test_the_core_stays_small():
    """Lines of code: neither blank lines nor comments nor docstrings count."""
    total = 0
    for file in CORE.rglob("*.py"):
        source = file.read_text()
        prose = set()
        for node in ast.walk(ast.parse(source)):
            if (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                prose.update(range(node.lineno, node.end_lineno + 1))
        blank = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
        code = set()
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type not in blank:
                code.update(range(token.start[0], token.end[0] + 1))
        total += len(code - prose)
    assert total <= 6150


def test_every_module_says_what_it_is_for():
    silent = [
        str(file.relative_to(ROOT))
        for folder in ("core/opwright", "ops", "plugins")
        for file in (ROOT / folder).rglob("*.py")
        if not ast.get_docstring(ast.parse(file.read_text()))
    ]
    assert silent == []


def test_file_names_say_what_is_inside():
    empty = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc", "impl"}
    assert [str(p) for p in SOURCES if p.stem in empty] == []


def test_every_hook_is_documented_and_used():
    text = "\n".join(p.read_text() for p in SOURCES if p.suffix == ".py")
    for name in [n for n in vars(hookspecs) if n.startswith("opwright_")]:
        assert len(getattr(hookspecs, name).__doc__) > 40, name
        assert re.search(rf"@(?:ow\.|opwright\.)?hookimpl\n(?:async )?def {name}\(", text), (
            f"no plugin implements {name}"
        )
        assert re.search(rf"\.{name}\(|\"{name}\"", text), f"nothing calls {name}"


def test_the_root_lists_what_the_folders_say():
    root = project(ROOT)
    listed = root["project"]["entry-points"]
    for group in ("opwright.ops", "opwright.plugins"):
        theirs = {}
        for folder in [*FAMILIES, *PLUGINS]:
            if not (folder / "guest.txt").exists():
                theirs.update(project(folder)["project"].get("entry-points", {}).get(group, {}))
        assert listed.get(group, {}) == theirs
    packages = {
        f"{folder.relative_to(ROOT)}/{package}"
        for folder in [*FAMILIES, *PLUGINS]
        if not (folder / "guest.txt").exists()
        for package in project(folder)["tool"]["scikit-build"]["wheel"]["packages"]
    }
    assert set(root["tool"]["scikit-build"]["wheel"]["packages"]) == packages | {"core/opwright"}


@pytest.mark.parametrize("folder", [*FAMILIES, *PLUGINS], ids=lambda p: p.name)
def test_every_package_has_its_files(folder):
    assert (folder / "README.md").exists()
    assert list((folder / "tests").glob("test_*.py"))
    if (folder / "kernels").exists():
        assert (folder / "CMakeLists.txt").exists()


def test_nothing_names_a_machine_or_a_registry():
    pattern = re.compile(r"index-url|/tmp/|\bC:\\\\")
    for file in [*SOURCES, *ROOT.glob("*.md"), *ROOT.glob("*.toml"), *ROOT.glob("*/*/README.md")]:
        if file != Path(__file__):
            assert not pattern.search(file.read_text()), file
