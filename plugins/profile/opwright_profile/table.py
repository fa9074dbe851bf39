"""Profiles and memory plans as tables for terminals."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from opwright_profile.peaks import peaks

if TYPE_CHECKING:
    from opwright_profile.memory import MemoryPlan
    from opwright_profile.recording import profile

_SHOWN = 40  # rows
_COLUMNS = ("node", "op", "calls", "us/call", "share", "GF/s", "of peak", "GB/s", "of peak")


def text(found: profile) -> str:
    """The longest nodes, what they reach of the machine's peaks, and a line on the whole."""
    rows, best = found.rows(), peaks()
    total = sum(row.seconds for row in rows) or 1.0
    table = Table(box=None, pad_edge=False, header_style="bold")
    for i, column in enumerate(_COLUMNS):
        table.add_column(column, justify="left" if i < 2 else "right", overflow="fold", max_width=44)
    for row in rows[:_SHOWN]:
        spent = row.seconds or 1e-9
        rates = [_rate(row.flops / spent, best.flops), _rate(row.bytes / spent, best.bandwidth)]
        per_call = row.seconds / max(1, row.calls) * 1e6
        table.add_row(
            row.name, row.op, str(row.calls), f"{per_call:.1f}", f"{row.seconds / total:.1%}", *rates[0], *rates[1]
        )
    out = io.StringIO()
    console = Console(file=out, width=140, highlight=False)
    console.print(table)
    more = f", {len(rows) - _SHOWN} more nodes" if len(rows) > _SHOWN else ""
    lost = f", {found.lost} spans lost (raise capacity)" if found.lost else ""
    console.print(
        f"{total * 1e3:.3f} ms in kernels on all workers{more}{lost}; "
        f"peaks of all workers: {best.flops / 1e9:.0f} GF/s, {best.bandwidth / 1e9:.1f} GB/s"
    )
    return out.getvalue().rstrip()


def memory_text(plan: MemoryPlan) -> str:
    """Every piece by the time it is first needed, and a line on the whole."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for i, column in enumerate(("value", "op", "bytes", "needed from", "to", "offset")):
        table.add_column(column, justify="left" if i < 2 else "right", overflow="fold", max_width=56 if i < 2 else None)
    for piece in plan.pieces:
        where = "" if len(plan.devices) < 2 else f"{piece.device} "
        numbers = (f"{piece.bytes:,}", str(piece.first), str(piece.last), f"{where}{piece.offset:,}")
        table.add_row(Text(piece.value), Text(piece.op), *numbers)
    out = io.StringIO()
    console = Console(file=out, width=160, highlight=False)
    console.print(table)
    console.print(f"{len(plan.pieces)} pieces over {plan.moments} moments; {memory_summary(plan)}", soft_wrap=True)
    outside = ", ".join(f"{kind}s {nbytes:,}" for kind, nbytes in plan.outside.items())
    console.print(f"besides, in bytes: {outside}", soft_wrap=True)
    return out.getvalue().rstrip()


def memory_summary(plan: MemoryPlan) -> str:
    """Peak, lower bound and their ratio."""
    return f"peak {plan.peak:,} bytes, lower bound {plan.lower_bound:,} (the largest live set), ratio {plan.ratio:.3f}"


def _rate(rate: float, peak: float) -> tuple[str, str]:
    """A rate in giga, and its share of the peak; blank where nothing is known."""
    return (f"{rate / 1e9:.1f}", f"{rate / peak:.0%}") if rate else ("", "")
