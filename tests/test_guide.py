"""The guide "Your own op", followed to the letter: its files written, its commands run."""

import os
import re
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).parent.parent / "cookiecutter-op" / "README.md"

# The op between two others is one loop with them.
FUSED = """
import opwright as ow
with ow.Graph().as_default(), ow.Session() as session:
    x = ow.placeholder("float32", [None, 32])
    y = ow.square(ow.acme.swish(x + 1.0))
    with ow.profile() as found:
        session.run(y, {x: [[0.0] * 32] * 64})
print([row.op for row in found.rows()])
"""


def blocks():
    """The guide's code: commands, and files with the paths that their first lines name."""
    return re.findall(r"```(bash|python)\n(.*?)```", GUIDE.read_text(), re.S)


@pytest.mark.slow
def test_the_guide(environment, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    # `pip`, `pytest` and `opwright` as an activated environment has them, but without an index.
    tools = environment.folder / "bin"
    for name, words in {
        "pip": f'"{sys.executable}" -m pip --python "{environment.python}" "$1" --no-index --no-deps "${{@:2}}"',
        "pytest": f'"{environment.python}" -m pytest -p no:cacheprovider "$@"',
        "opwright": f'"{environment.python}" -m opwright "$@"',
    }.items():
        (tools / name).write_text(f"#!/bin/bash\nexec {words}\n")
        (tools / name).chmod(0o755)
    path = os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ["PATH"]])
    said = ""
    for language, text in blocks():
        if language == "python":
            file = work / re.match(r"# (\S+)\n", text)[1]
            assert file.parent.is_dir()
            file.write_text(text.partition("\n")[2])
        else:
            said += environment.checked(["bash", "-ec", text], cwd=work, PATH=path)
    before, after = (float(v) for v in re.findall(r"loss \w+: ([\d.e-]+)", said)[:2])  # explain runs it once more
    assert after < before / 10
    assert re.search(r"\b1\d passed", said)  # its own test, and its checks
    assert "0 failed" not in said
    assert re.search(r"\d+/\d+ checks passed, \d+ skipped", said)
    assert re.search(r"matmul over .* with add \+ .* on blocks still in cache", said)
    assert "acme-swish 0.1.0" in said
    assert [p.name for p in (work / "dist").iterdir()] == ["acme_swish-0.1.0-py3-none-any.whl"]
    assert environment.run(FUSED) == "['elementwise']\n"
    environment.pip("uninstall", "-y", "acme-swish")
    lost = environment.run(
        f"import opwright as ow\ntry: ow.load({str(work / 'trained')!r})\nexcept ow.OpwrightError as e: print(e)"
    )
    assert (
        "needs acme::swish version 1 from acme-swish 0.1.0 (installed: none); pip install 'acme-swish>=0.1.0'" in lost
    )


def test_the_author_writes_little():
    """At most 20 lines of his own for an elementwise op with its gradient."""
    (op,) = [text for language, text in blocks() if text.startswith("# acme-swish/acme_swish/")]
    assert len([line for line in op.splitlines() if line.strip()]) <= 20
