"""Opwright beside its peers: each framework in its own process, rounds in turn."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
STEPS = ("scalar", "chain100", "elementwise", "softmax", "mlp", "deep_mnist", "cifar10", "word2vec", "lstm")
INFERENCE = ("alexnet_1", "alexnet_16", "resnet50_1", "resnet50_16")
# A framework's module, and what it is measured on.
PEERS = {
    "tensorflow": ("tensorflow", (*STEPS, *INFERENCE[2:])),  # it has no grouped convolutions on CPUs
    "torch": ("torch", STEPS),
    "torch-compiled": ("torch", STEPS),
    "jax": ("jax", STEPS),
    "onnxruntime": ("onnxruntime", INFERENCE),
}


class Worker:
    """A framework with a workload in a process."""

    def __init__(self, python, framework, workload):
        self.process = subprocess.Popen(
            [python, str(HERE / "worker.py"), framework, workload],
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
    """Median seconds of a step by framework; `frameworks` gives each one's interpreter."""
    workers = {name: Worker(python, name, workload) for name, python in frameworks.items()}
    for _ in range(rounds):
        for worker in workers.values():
            worker.round(seconds)
    for worker in workers.values():
        worker.close()
    for name, worker in workers.items():
        if worker.error:
            print(f"  {name} failed: {worker.error}", file=sys.stderr)
    return {name: statistics.median(w.times) for name, w in workers.items() if w.times}


def installed(python, modules):
    """Which modules an interpreter finds."""
    program = "import sys, importlib.util as u; print(*[m for m in sys.argv[1:] if u.find_spec(m)])"
    return subprocess.run([python, "-c", program, *modules], capture_output=True, text=True, check=True).stdout.split()


def table(args, frameworks):
    """Measures and prints row by row; the times and our ratio to the best peer by workload."""
    print(f"{'workload':12}" + "".join(f"{name:>16}" for name in frameworks) + "   ours / best peer")
    results = {}
    for workload in args.only.split(",") if args.only else STEPS + INFERENCE:
        able = {n: python for n, python in frameworks.items() if n == "opwright" or workload in PEERS[n][1]}
        times = measure(workload, able, args.rounds, args.seconds)
        peers = [t for name, t in times.items() if name != "opwright"]
        ratio = times["opwright"] / min(peers) if peers and "opwright" in times else None
        cells = "".join(f"{1e6 * times[n]:13.1f} us" if n in times else f"{'-':>16}" for n in frameworks)
        print(f"{workload:12}{cells}   {f'{ratio:.2f}' if ratio else '-'}", flush=True)
        results[workload] = {"seconds": times, "ratio": ratio}
    return results


def plot(results, path):
    """Bars: each framework's time of a step, in ours."""
    from matplotlib import pyplot

    names = sorted({n for found in results.values() for n in found["seconds"]} - {"opwright"})
    figure, axes = pyplot.subplots(figsize=(10, 4.5))
    width = 0.8 / max(1, len(names))
    for i, name in enumerate(names):
        rows = [(at, found["seconds"]) for at, found in enumerate(results.values())]
        bars = [(at + i * width, s[name] / s["opwright"]) for at, s in rows if name in s and "opwright" in s]
        axes.bar([x for x, _ in bars], [y for _, y in bars], width, label=name)
    axes.axhline(1, color="black", linewidth=1, label="opwright")
    axes.set_yscale("log")
    axes.set_ylabel("time of a step / Opwright's")
    axes.set_xticks([at + 0.4 - width / 2 for at in range(len(results))], list(results), rotation=20)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=150)


def regressions(results, before, slack):
    """The workloads whose ratio is worse than in an earlier record by more than `slack`."""
    earlier = {name: found["ratio"] for name, found in before["results"].items() if found["ratio"]}
    return [
        f"{name}: {found['ratio']:.2f}, before {earlier[name]:.2f}"
        for name, found in results.items()
        if found["ratio"] and name in earlier and found["ratio"] > earlier[name] * (1 + slack)
    ]


def arguments():
    parser = argparse.ArgumentParser(prog="tests/bench", description=__doc__)
    parser.add_argument("--only", help="workloads, separated by commas")
    parser.add_argument("--frameworks", help="peers, separated by commas; torch-compiled only if named here")
    parser.add_argument("--peers", action="append", help="an interpreter that has peers; may be repeated")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="time of a round")
    parser.add_argument("--json", help="write the results to this file")
    parser.add_argument("--plot", help="draw the ratios into this file (PNG; needs matplotlib)")
    parser.add_argument("--gate", help="fail if a ratio is worse than in this earlier --json file")
    parser.add_argument("--slack", type=float, default=0.25, help="by how much a ratio may be worse")
    return parser.parse_args()


def main():
    args = arguments()
    wanted = args.frameworks.split(",") if args.frameworks else [name for name in PEERS if name != "torch-compiled"]
    frameworks = {"opwright": sys.executable}
    for python in args.peers or [sys.executable]:
        there = installed(python, sorted({module for module, _ in PEERS.values()}))
        frameworks |= {name: python for name in wanted if PEERS[name][0] in there and name not in frameworks}
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}")
    results = table(args, frameworks)
    if args.json:
        record = {"machine": platform.platform(), "cores": os.cpu_count(), "load": os.getloadavg(), "results": results}
        Path(args.json).write_text(json.dumps(record, indent=2))
    if args.plot:
        plot(results, args.plot)
    if args.gate:
        worse = regressions(results, json.loads(Path(args.gate).read_text()), args.slack)
        sys.exit("slower than before, beside the peers: " + "; ".join(worse) if worse else 0)


if __name__ == "__main__":
    main()
