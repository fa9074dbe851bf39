"""RunOptions, RunMetadata and Timeline: what each node of one run took, as TensorFlow 1's step_stats."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import opwright as ow

from opwright_tf1.surface.options import Options


class RunOptions(Options):
    """Settings of one run. Taken into account: trace_level; any but NO_TRACE fills `run_metadata.step_stats`."""

    NO_TRACE, SOFTWARE_TRACE, HARDWARE_TRACE, FULL_TRACE = range(4)


@dataclass
class NodeExecStats:
    """A node's time on one worker, or that of the chunks the worker did in one go. Microseconds."""

    node_name: str
    timeline_label: str  # "name = op(inputs)"
    thread_id: int
    all_start_micros: int
    all_end_rel_micros: int
    op_start_rel_micros: int = 0
    op_end_rel_micros: int = 0
    all_start_nanos: int = 0
    all_end_rel_nanos: int = 0
    scheduled_micros: int = 0


@dataclass
class DeviceStepStats:
    """The nodes that ran on a device, in the order they began."""

    device: str
    node_stats: list[NodeExecStats] = field(default_factory=list)


@dataclass
class StepStats:
    """What a traced run took, by device."""

    dev_stats: list[DeviceStepStats] = field(default_factory=list)


class RunMetadata(Options):
    """What a run reports about itself: `step_stats`, if its options ask for a trace."""

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.step_stats: StepStats = values.get("step_stats", StepStats())


class Traced:
    """A session whose runs report about themselves where they are given a RunMetadata."""

    def _run_traced(self, fetches: Any, feed_dict: Any, options: Any, run_metadata: Any) -> Any:
        run: Any = self.run  # type: ignore[attr-defined]
        if options is None or not options.trace_level:
            return run(fetches, feed_dict)
        with ow.profile() as found:
            result = run(fetches, feed_dict)
        run_metadata.step_stats = _step_stats(found)
        return result


def _step_stats(found: Any) -> StepStats:
    devices: dict[str, DeviceStepStats] = {}
    for event in found.events():
        name, op = event["name"], event["args"]["op"]
        kind, _, number = (event["args"]["device"] or "cpu").partition(":")
        device = f"/job:localhost/replica:0/task:0/device:{'GPU' if kind == 'cuda' else kind.upper()}:{number or 0}"
        took, began = event["dur"], event["ts"]
        node = NodeExecStats(name, f"{name} = {op}()", event["tid"], int(began), -int(-took // 1))
        node.op_end_rel_micros = node.all_end_rel_micros
        node.all_start_nanos, node.all_end_rel_nanos = round(began * 1000), round(took * 1000)
        node.scheduled_micros = node.all_start_micros
        devices.setdefault(device, DeviceStepStats(device)).node_stats.append(node)
    return StepStats(list(devices.values()))


class Timeline:
    """A run's step_stats as a timeline for chrome://tracing."""

    def __init__(self, step_stats: StepStats, graph: Any = None) -> None:
        self._step_stats = step_stats

    def generate_chrome_trace_format(self, show_dataflow: bool = True, show_memory: bool = False) -> str:
        """JSON in Chrome's trace format: a process for each device, a lane in it for each worker.

        Plans keep neither who reads what nor single allocations, so there is nothing more to show.
        """
        return json.dumps({"traceEvents": list(self._events())})

    def _events(self) -> Iterator[dict[str, Any]]:
        for pid, device in enumerate(self._step_stats.dev_stats):
            name = f"{device.device} Compute"
            yield {"name": "process_name", "ph": "M", "pid": pid, "args": {"name": name}}
            for node in device.node_stats:
                op = node.timeline_label.partition(" = ")[2].partition("(")[0]
                yield {
                    "ph": "X",
                    "cat": "Op",
                    "name": op,
                    "pid": pid,
                    "tid": node.thread_id,
                    "ts": node.all_start_nanos / 1e3,
                    "dur": node.all_end_rel_nanos / 1e3,
                    "args": {"name": node.node_name, "op": op},
                }


API: dict[str, Any] = {
    "RunMetadata": RunMetadata,
    "RunOptions": RunOptions,
    "python.client.timeline.Timeline": Timeline,
}
