"""Merging, file by file; what the commands say where there is nothing to do it with. tests/test_template.py bakes."""

import sys

import click
import pytest
from opwright_scaffold import baking, updating


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "state", "left"),
    [
        ("a\n", "a\n", "a\n", "", "a\n"),
        ("a\n", "a\n", "b\n", "updated", "b\n"),
        ("a\n", "b\n", "a\n", "", "b\n"),
        ("a\n", "b\n", "b\n", "", "b\n"),
        ("a\n-\nc\n", "A\n-\nc\n", "a\n-\nC\n", "merged", "A\n-\nC\n"),
        (None, None, "b\n", "added", "b\n"),
        ("a\n", None, "b\n", "kept", None),
        ("a\n", "a\n", None, "removed", None),
        ("a\n", "b\n", None, "kept", "b\n"),
        ("a\n", None, None, "", None),
    ],
)
def test_each_way_a_file_can_have_changed(tmp_path, base, ours, theirs, state, left):
    file = tmp_path / "sub" / "file"
    if ours is not None:
        file.parent.mkdir()
        file.write_text(ours)
    assert updating._merge(file, base, theirs) == state
    assert (file.read_text() if file.exists() else None) == left


@pytest.mark.parametrize("base", [None, "a\n"])
def test_a_conflict_is_marked(tmp_path, base):
    (tmp_path / "file").write_text("mine\n")
    assert updating._merge(tmp_path / "file", base, "theirs\n") == "conflict"
    assert (tmp_path / "file").read_text() == (
        "<<<<<<< yours\nmine\n=======\ntheirs\n>>>>>>> the new template\n"
    )  # fmt: skip


def test_without_cookiecutter_it_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cookiecutter.main", None)
    with pytest.raises(click.ClickException, match=r"cookiecutter is needed, .*; pip install 'opwright\[new\]'"):
        baking.bake(tmp_path, {})


def test_the_installed_package_carries_the_template():
    import opwright_scaffold

    assert list(baking.questions()) == ["name", "namespace", "kind", "devices"]
    from opwright.runtime import package_files

    assert package_files(opwright_scaffold.__path__, "template/cookiecutter.json")
