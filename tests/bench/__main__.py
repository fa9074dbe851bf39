"""Opwright beside its peers: each framework in its own process, rounds in turn."""

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
WORKLOADS = ("scalar", "chain100", "elementwise", "softmax", "mlp")
PEERS = {"tensorflow": "tensorflow", "torch": "torch", "jax": "jax"}


class Worker:
    """A framework with a workload in a process."""

    def __init__(self, framework, workload):
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), framework, workload],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.times = []
        self.error = None
        self._answer()

    def _answer(self):
        for line in self.process.stdout:
            if line.startswith(("ready", "time ")):
                return line
        self.error = (self.process.stderr.read().strip().splitlines() or ["no answer"])[-1]
        return None

    def round(self, seconds):
        if self.error is None:
            self.process.stdin.write(f"{seconds}\n")
            self.process.stdin.flush()
            line = self._answer()
            if line:
                self.times.append(float(line.split()[1]))

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.stderr.close()
        self.process.wait()


def measure(workload, frameworks, rounds, seconds):
    """Median seconds of a step by framework."""
    workers = {name: Worker(name, workload) for name in frameworks}
    for _ in range(rounds):
        for worker in workers.values():
            worker.round(seconds)
    for worker in workers.values():
        worker.close()
    for name, worker in workers.items():
        if worker.error:
            print(f"  {name} failed: {worker.error}", file=sys.stderr)
    return {name: statistics.median(w.times) for name, w in workers.items() if w.times}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="workloads, separated by commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="time of a round")
    parser.add_argument("--json", help="write the results to this file")
    args = parser.parse_args()
    found = [name for name, module in PEERS.items() if importlib.util.find_spec(module)]
    frameworks = ["opwright", *found]
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}")
    print(f"{'workload':12}" + "".join(f"{name:>14}" for name in frameworks) + "   ours / best peer")
    results = {}
    for workload in args.only.split(",") if args.only else WORKLOADS:
        times = measure(workload, frameworks, args.rounds, args.seconds)
        peers = [t for name, t in times.items() if name != "opwright"]
        ratio = times["opwright"] / min(peers) if peers and "opwright" in times else None
        cells = "".join(f"{1e6 * times[n]:11.1f} us" if n in times else f"{'-':>14}" for n in frameworks)
        print(f"{workload:12}{cells}   {f'{ratio:.2f}' if ratio else '-'}", flush=True)
        results[workload] = {"seconds": times, "ratio": ratio}
    if args.json:
        record = {"machine": platform.platform(), "cores": os.cpu_count(), "load": os.getloadavg(), "results": results}
        Path(args.json).write_text(json.dumps(record, indent=2))


main()
