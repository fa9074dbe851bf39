"""The checks in a process of their own: a kernel that crashes or never returns is a finding, and the rest goes on.

`python -m opwright_check.isolated OP...` writes JSON lines: {"started": [op, check]} before each check, {"result": ...}
after it.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

SECONDS = 120  # for one check


def check_ops(
    names: Iterable[str], only: Sequence[str] = (), full: bool = True, seconds: int = SECONDS
) -> Iterator[Any]:
    """The Results of checking ops, one op after the other."""
    rest = list(names)
    while rest:
        done = yield from _process(rest, only, full, seconds)
        rest = rest[done:]


def _process(names: list[str], only: Sequence[str], full: bool, seconds: int) -> Iterator[Any]:
    """Checks ops in one process, as far as it gets. Returns how many ops it is done with."""
    from opwright_check.suite import Result

    command = [sys.executable, "-m", "opwright_check.isolated", "full" if full else "reduced", ",".join(only), *names]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    errors: list[str] = []
    listener = threading.Thread(target=_listen, args=(process.stderr, errors))
    listener.start()
    at, doing = "", ""
    watch = threading.Timer(seconds, process.kill)
    late = False
    try:
        for line in process.stdout:
            if not line.startswith("{"):
                continue  # what a kernel printed
            watch.cancel()
            said = json.loads(line)
            if "started" in said:
                at, doing = said["started"]
                watch = threading.Timer(seconds, process.kill)
                watch.start()
            else:
                yield Result(**said["result"])
        late = not watch.is_alive() and process.wait() == -signal.SIGKILL
    finally:
        watch.cancel()
        process.kill()
        code = process.wait()
        listener.join()
        process.stdout.close()
        process.stderr.close()
    if code == 0 or (not at and not late):
        return len(names)
    yield Result(at, doing, "fail", _ending(code, doing, seconds, errors), 1)
    return names.index(at) + 1


def _listen(stream: IO[str], into: list[str]) -> None:
    into += [line.rstrip() for line in stream][-3:]


def _ending(code: int, doing: str, seconds: int, errors: list[str]) -> str:
    if code == -signal.SIGKILL:
        return f"it did not come back from {doing} within {seconds} seconds"
    how = signal.Signals(-code).name if code < 0 else f"status {code}"
    return f"it ended the process ({how}) during {doing}{': ' + errors[-1] if errors else ''}"


def main(arguments: list[str]) -> None:
    """Checks the ops named, and says so line by line."""
    from opwright.registry import registry

    from opwright_check.suite import check_op

    how, only, *names = arguments

    def say(**what: Any) -> None:
        print(json.dumps(what), flush=True)

    for name in names:
        say(started=[name, "drawing"])
        op = registry.op(name)
        for result in check_op(
            op, [c for c in only.split(",") if c], how == "full", lambda c, n=name: say(started=[n, c])
        ):
            say(result=result.as_dict())


if __name__ == "__main__":
    main(sys.argv[1:])
