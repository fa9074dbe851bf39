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
MARKS = "<!-- results -->", "<!-- end of results -->"
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
        self.floor = None  # of ours: seconds, operations, bytes
        self.error = None
        self._answer()

    def _answer(self):
        for line in self.process.stdout:
            if line.startswith(("ready", "time ")):
                return line
            if line.startswith("floor "):
                self.floor = [float(word) for word in line.split()[1:]]
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
    """Median seconds of a step by framework, whose interpreters `frameworks` gives, and our floor."""
    workers = {name: Worker(python, name, workload) for name, python in frameworks.items()}
    for _ in range(rounds):
        for worker in workers.values():
            worker.round(seconds)
    for worker in workers.values():
        worker.close()
    for name, worker in workers.items():
        if worker.error:
            print(f"  {name} failed: {worker.error}", file=sys.stderr)
    return {name: statistics.median(w.times) for name, w in workers.items() if w.times}, workers["opwright"].floor


def installed(python, modules):
    """Which modules an interpreter finds."""
    program = "import sys, importlib.util as u; print(*[m for m in sys.argv[1:] if u.find_spec(m)])"
    return subprocess.run([python, "-c", program, *modules], capture_output=True, text=True, check=True).stdout.split()


HEADER = ("workload", "ours / best", "GFLOP", "MB", "floor", "floor / ours")


def table(args, frameworks):
    """Measures and prints row by row. By workload: the times, our ratio to the best peer, the floor."""
    print("".join(f"{name:>16}" for name in (HEADER[0], *frameworks, *HEADER[1:])))
    results = {}
    for workload in args.only.split(",") if args.only else STEPS + INFERENCE:
        able = {n: python for n, python in frameworks.items() if n == "opwright" or workload in PEERS[n][1]}
        times, floor = measure(workload, able, args.rounds, args.seconds)
        peers = [t for name, t in times.items() if name != "opwright"]
        ratio = times["opwright"] / min(peers) if peers and "opwright" in times else None
        results[workload] = {"seconds": times, "ratio": ratio, "floor": floor}
        print("".join(f"{cell:>16}" for cell in cells(workload, results[workload], frameworks)), flush=True)
    return results


def cells(workload, found, frameworks):
    """A row of the table. Where a step does next to nothing, its floor is no measure."""
    times, floor = found["seconds"], found["floor"]
    row = [workload, *(f"{1e6 * times[n]:.1f} us" if n in times else "-" for n in frameworks)]
    row.append(f"{found['ratio']:.2f}" if found["ratio"] else "-")
    if floor is None or "opwright" not in times or floor[0] < 1e-7:
        return [*row, "-", "-", "-", "-"]
    seconds, flops, moved = floor
    share = f"{seconds / times['opwright']:.0%}"
    return [*row, f"{flops / 1e9:.3f}", f"{moved / 1e6:.2f}", f"{1e6 * seconds:.1f} us", share]


def machine():
    """What the numbers hold for."""
    return f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}"


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def into_readme(results, frameworks, about):
    """Puts the table in the place of the one in the README."""
    readme = HERE / "README.md"
    before, _, rest = readme.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    columns = (HEADER[0], *frameworks, *HEADER[1:])
    rows = [columns, ["---"] * len(columns), *(cells(name, found, frameworks) for name, found in results.items())]
    lines = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    readme.write_text(f"{before}{MARKS[0]}\n{about}:\n\n{lines}\n{MARKS[1]}{after}")


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
    parser.add_argument("--readme", action="store_true", help="put the table into README.md")
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
    about = machine()
    print(about)
    results = table(args, frameworks)
    if args.readme:
        into_readme(results, frameworks, about)
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
