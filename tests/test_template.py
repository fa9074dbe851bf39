"""The template: what it bakes, that this works at once, what it refuses, and how a newer one is merged."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEMPLATE = ROOT / "cookiecutter-op"
KINDS = ("elementwise", "reduction", "general", "stateful")
PROJECT = {"LICENSE", "CHANGELOG.md", ".gitignore", ".github/workflows/wheels.yml", ".opwright.json"}


def opwright(*arguments, cwd, status=0):
    found = subprocess.run(
        [sys.executable, "-m", "opwright", *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=120
    )
    assert found.returncode == status, found.stdout + found.stderr
    return found.stdout + found.stderr


def bake(folder, **answers):
    options = [word for name, value in answers.items() for word in (f"--{name}", value)]
    opwright("new", "--no-input", *options, folder, cwd=folder.parent)
    return folder


def paths(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def of_softmax():
    """The files of a built-in op and its family, in the template's names."""
    files = subprocess.run(["git", "ls-files", "."], cwd=ROOT / "ops" / "softmax", capture_output=True, text=True)
    listed = files.stdout.split() or sorted(paths(ROOT / "ops" / "softmax"))
    one = [f for f in listed if Path(f).stem in ("__init__", "softmax", "test_softmax") or "/" not in f]
    return {f.replace("opwright_softmax", "acme_my_op").replace("softmax", "my_op") for f in one}


@pytest.fixture(scope="module")
def baked(tmp_path_factory):
    """A project of each kind, for CPU and CUDA, named at some length."""
    folder = tmp_path_factory.mktemp("baked")
    return {
        kind: bake(
            folder / kind, kind=kind, devices="CPU and CUDA", namespace=f"of_kind_{kind}", name="quite_a_long_name"
        )
        for kind in KINDS
    }


def test_a_project_has_the_files_of_a_family(baked, tmp_path):
    renamed = {
        kind: {f.replace(f"of_kind_{kind}_quite_a_long_name", "acme_my_op").replace("quite_a_long_name", "my_op")
               for f in paths(project)}
        for kind, project in baked.items()
    }  # fmt: skip
    kernels = {f for f in of_softmax() if f.startswith("kernels/") or f == "CMakeLists.txt"}
    assert kernels == {"kernels/my_op.cpp", "kernels/my_op.cu", "CMakeLists.txt"}
    assert renamed.pop("elementwise") == (of_softmax() | PROJECT) - kernels  # the expression is the kernel
    for found in renamed.values():
        assert found == of_softmax() | PROJECT
    for_cpu = (of_softmax() | PROJECT) - {"kernels/my_op.cu"}
    assert paths(bake(tmp_path / "it", kind="general", devices="CPU")) == for_cpu


def test_cookiecutter_bakes_the_same(tmp_path):
    ours = bake(tmp_path / "ours", kind="general")
    subprocess.run(
        [sys.executable, "-m", "cookiecutter", str(TEMPLATE), "--no-input", "kind=general"], cwd=tmp_path, check=True
    )
    assert paths(ours) == paths(tmp_path / "acme-my-op")
    for name in paths(ours):
        assert (ours / name).read_text() == (tmp_path / "acme-my-op" / name).read_text(), name


def test_questions_are_asked(tmp_path):
    found = subprocess.run(
        [sys.executable, "-m", "opwright", "new"],
        cwd=tmp_path, input="cube\nsolid\n2\n1\n", capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert "The op's name" in found.stdout
    assert json.loads((tmp_path / "solid-cube" / ".opwright.json").read_text())["answers"] == {
        "name": "cube", "namespace": "solid", "kind": "reduction", "devices": "CPU"
    }  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_tidy(baked, kind):
    project = baked[kind]
    for command in (["check"], ["format", "--check"]):
        found = subprocess.run([sys.executable, "-m", "ruff", *command], cwd=project, capture_output=True, text=True)
        assert found.returncode == 0, found.stdout
    cmake = project / "CMakeLists.txt"
    assert not cmake.exists() or len(cmake.read_text().splitlines()) <= 6
    workflow = (project / ".github" / "workflows" / "wheels.yml").read_text()
    assert "{%" not in workflow
    assert f"opwright check of-kind-{kind}-quite-a-long-name" in workflow
    assert "id-token: write" in workflow  # trusted publishing


@pytest.mark.slow
def test_they_build_and_pass_their_tests_at_once(baked, environment):
    for project in baked.values():
        environment.install(project)
    assert " passed" in environment.module("pytest", "-q", "-p", "no:cacheprovider", *map(str, baked.values()))
    for project in baked.values():
        (example,) = re.findall(r"```python\n(.*?)```", (project / "README.md").read_text(), re.S)
        (said,) = re.findall(r"# (\[.*\])", example)
        assert environment.run(example).split() == said.split()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("nvcc") is None, reason="no nvcc")
@pytest.mark.parametrize("kind", KINDS[1:])
def test_cuda_kernels_compile(baked, tmp_path, kind):
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", str(baked[kind]),
         "-Ccmake.define.OPWRIGHT_LEVELS=baseline", "-Ccmake.define.CMAKE_CUDA_ARCHITECTURES=80-virtual"],
        cwd=tmp_path, check=True, env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*-0.1.0-py3-none-*.whl")
    assert f"of_kind_{kind}_quite_a_long_name/libquite_a_long_name_cuda.so" in zipfile.ZipFile(wheel).namelist()


@pytest.mark.parametrize(
    ("namespace", "name", "reason"),
    [
        ("acme", "my-op", "the name must be an identifier of ASCII letters, digits and _, got 'my-op'"),
        ("acme", "1st", "the name must be an identifier"),
        ("acme", "größe", "the name must be an identifier of ASCII letters"),
        ("acme", "lambda", "the name must not be a word of Python's own, got 'lambda'"),
        ("class", "it", "the namespace must not be a word of Python's own"),
        ("acme", "MyOp", "the name must be lower case"),
        ("acme", "it_", "the name must be lower case, with _ only between words"),
        ("nn", "it", "the namespace must not be one of Opwright's own names, got 'nn'"),
        ("matmul", "it", "the namespace must not be one of Opwright's own names"),
        ("gradients", "it", "the namespace must not be one of Opwright's own names"),
        ("opwright", "math", "the package's name must be free, but 'opwright_math' can be imported already"),
        ("acme", "softmax", None),
    ],
)
def test_bad_names_are_refused_with_the_reason(namespace, name, reason):
    answers = {
        "name": name,
        "namespace": namespace,
        "__dist": f"{namespace}-{name}",
        "__package": f"{namespace}_{name}",
    }
    source = (TEMPLATE / "hooks" / "pre_gen_project.py").read_text()
    hook = re.sub(r"{{ cookiecutter\.(\w+) }}", lambda m: answers[m[1]], source)
    if reason is None:
        exec(hook, {})
        return
    with pytest.raises(SystemExit) as caught:
        exec(hook, {})
    assert caught.value.code.startswith(f"opwright new: {reason}")


def test_a_refusal_leaves_nothing_behind(tmp_path):
    said = opwright("new", "--no-input", "--name", "my-op", cwd=tmp_path, status=1)
    assert said.startswith("opwright new: the name must be an identifier")
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_a_namespace_of_another_package_is_refused(tmp_path, environment):
    environment.install(bake(tmp_path / "first", namespace="taken"))
    said = environment.module("opwright", "new", "--no-input", "--namespace", "taken", "--name", "other", status=1)
    assert "the namespace 'taken' belongs to taken-my-op 0.1.0; choose another, or add the op to that package" in said
    environment.module("opwright", "new", "--no-input", "--namespace", "taken")  # the same project, once more


def test_what_is_there_is_not_overwritten(tmp_path):
    (tmp_path / "acme-my-op").mkdir()
    assert "acme-my-op must not exist yet" in opwright("new", "--no-input", cwd=tmp_path, status=1)


# -- update ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def aged(tmp_path):
    """A project baked by an older template: with a line less in its README, other pins, and a file that is gone now."""
    project = bake(tmp_path / "aged", kind="general")
    record = json.loads((project / ".opwright.json").read_text())
    before = {
        "README.md": lambda text: text.replace("    python -m pytest && ruff check && ruff format --check\n", ""),
        "pyproject.toml": lambda text: text.replace("scikit-build-core>=0.11", "scikit-build-core>=0.9"),
        ".gitignore": lambda text: text.replace("dist/\n", ""),
        "tests/test_my_op.py": lambda text: text.replace("(2, 3, 5)", "(2, 3, 4)"),
    }
    for name, change in before.items():
        assert change(record["files"][name]) != record["files"][name], name
        record["files"][name] = change(record["files"][name])
        (project / name).write_text(record["files"][name])
    record["files"]["setup.cfg"] = "[metadata]\n"
    (project / "setup.cfg").write_text("[metadata]\n")
    del record["files"]["CHANGELOG.md"]
    (project / "CHANGELOG.md").unlink()
    (project / ".opwright.json").write_text(json.dumps(record))
    return project


def outcome(said):
    return {line.split()[1]: line.split()[0] for line in said.splitlines()}


def test_an_update_keeps_the_authors_edits(aged, tmp_path):
    source = aged / "acme_my_op" / "my_op.py"
    source.write_text(source.read_text().replace("shift: int = 1", "shift: int = 2"))
    project = aged / "pyproject.toml"
    project.write_text(project.read_text().replace('version = "0.1.0"', 'version = "0.2.0"'))
    assert outcome(opwright("update", aged, cwd=tmp_path)) == {
        ".gitignore": "updated", "CHANGELOG.md": "added", "README.md": "updated", "pyproject.toml": "merged",
        "setup.cfg": "removed", "tests/test_my_op.py": "updated",
    }  # fmt: skip
    assert "shift: int = 2" in source.read_text()
    assert 'version = "0.2.0"' in project.read_text()
    assert "scikit-build-core>=0.11" in project.read_text()
    assert "nothing to do" in opwright("update", cwd=aged)
    assert "shift: int = 2" in source.read_text()


def test_conflicts_are_reported_and_marked(aged, tmp_path):
    test = aged / "tests" / "test_my_op.py"
    test.write_text(test.read_text().replace("(2, 3, 4)", "(2, 3, 9)"))
    (aged / "setup.cfg").write_text("[metadata]\nmine = 1\n")
    (aged / ".gitignore").unlink()
    found = outcome(opwright("update", aged, cwd=tmp_path, status=1))
    assert found["tests/test_my_op.py"] == "conflict"
    assert found["setup.cfg"] == found[".gitignore"] == "kept"
    marked = test.read_text()
    for part in ("<<<<<<< yours", "(2, 3, 9)", "(2, 3, 5)", ">>>>>>> the new template"):
        assert part in marked
    assert not (aged / ".gitignore").exists()


def test_other_folders_are_not_updated(tmp_path):
    assert "must be a project that `opwright new` made" in opwright("update", cwd=tmp_path, status=1)
