"""Removes what this kind of op does not need, and records the answers for `opwright update`."""

import json
import shutil
from pathlib import Path

ANSWERS = {
    "name": "{{ cookiecutter.name }}",
    "namespace": "{{ cookiecutter.namespace }}",
    "kind": "{{ cookiecutter.kind }}",
    "devices": "{{ cookiecutter.devices }}",
}
RECORD = Path(".opwright.json")

if ANSWERS["kind"] == "elementwise":
    shutil.rmtree("kernels")
    Path("CMakeLists.txt").unlink()
elif ANSWERS["devices"] == "CPU":
    Path("kernels", f"{ANSWERS['name']}.cu").unlink()

# The files as they are now, but for the licence: an update tells by them the author's changes from the template's.
made = [p for p in sorted(Path().rglob("*")) if p.is_file() and p.name != "LICENSE"]
files = {p.as_posix(): p.read_text(encoding="utf-8") for p in made}
record = {"template": {{ cookiecutter._version }}, "answers": ANSWERS, "files": files}
RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
