"""The guests: distributions of their own, outside the main wheel. They are what the template bakes, and they work."""

import difflib
import json
import re
from pathlib import Path

import pytest

GUESTS = sorted(p.parent for p in (Path(__file__).parent.parent / "plugins").glob("*/guest.txt"))


def test_they_are_there():
    assert [g.name for g in GUESTS] == ["acme_softplus", "row_rms", "running_moments", "zero_out"]


@pytest.mark.parametrize("guest", GUESTS, ids=lambda g: g.name)
def test_they_have_the_files_that_the_template_gave_them(guest):
    record = json.loads((guest / ".opwright.json").read_text())
    for name in record["files"]:
        assert (guest / name).is_file(), name


def test_their_authors_wrote_little():
    """Lines of their own in the op and its CPU kernels: 20 with a gradient, 60 with a C++ kernel for that as well."""
    written = {guest.name: own_lines(guest) for guest in GUESTS}
    assert 0 < written["acme_softplus"] <= 20
    assert all(0 < n <= 60 for n in written.values()), written


def own_lines(guest):
    """The lines that the template did not bake."""
    baked = json.loads((guest / ".opwright.json").read_text())["files"]
    count = 0
    for name, text in baked.items():
        if name.endswith((".py", ".cpp")) and not name.startswith("tests/"):
            old, new = ([line.strip() for line in t.split("\n")] for t in (text, (guest / name).read_text()))
            count += sum(line[:2] == "+ " and line != "+ " for line in difflib.ndiff(old, new))
    return count


@pytest.mark.slow
def test_they_build_and_pass_their_tests(environment):
    for guest in GUESTS:
        environment.install(guest)
    assert " passed" in environment.module("pytest", "-q", "-p", "no:cacheprovider", *map(str, GUESTS))
    for guest in GUESTS:
        (example,) = re.findall(r"```python\n(.*?)```", (guest / "README.md").read_text(), re.S)
        (said,) = re.findall(r"# (\[.*\])", example)
        assert environment.run(example).split() == said.split()
