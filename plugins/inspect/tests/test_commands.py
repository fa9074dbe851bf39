"""opwright list, info, doctor, whatever plugins are left out."""

import json
import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("plugins", [None, ""])
@pytest.mark.parametrize("command", [["list"], ["doctor"]])
def test_the_commands_are_there_whatever_is_left_out(command, plugins):
    environment = {k: v for k, v in os.environ.items() if k != "OPWRIGHT_PLUGINS"}
    if plugins is not None:
        environment["OPWRIGHT_PLUGINS"] = plugins
    found = subprocess.run(
        [sys.executable, "-m", "opwright", *command, "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )
    assert found.stdout, found.stderr
    made = json.loads(found.stdout)
    if command == ["list"]:
        assert bool(made["ops"]) == (plugins is None)
    else:
        assert {"python", "machine", "workers"} <= {check["what"] for check in made}
