"""A memory plan as SVG: moments to the right, offsets upwards, a rectangle for each piece of each device's arena."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from opwright_profile.memory import MemoryPlan, Piece

_WIDTH, _HEIGHT = 1200.0, 640.0  # of a device's panel, in pixels
_LEFT, _RIGHT, _TOP, _BOTTOM = 90.0, 20.0, 46.0, 44.0  # around the rectangles
_LETTER, _LINE = 6.2, 12.0  # of labels
_SWATCHES = ("#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#76b7b2", "#edc948", "#ff9da7", "#9c755f")
_SCRATCH = "#bab0ac"


class _Panel:
    """One arena's place in the picture."""

    def __init__(self, root: ElementTree.Element, plan: MemoryPlan, device: str, top: float) -> None:
        self.pieces = [piece for piece in plan.pieces if piece.device == device]
        self.nbytes, self.device, self.plan = max(1, plan.devices[device]), device, plan
        self.group = ElementTree.SubElement(root, "g", transform=f"translate(0 {top:g})")
        self.across = (_WIDTH - _LEFT - _RIGHT) / (plan.moments + 1)  # pixels of a moment
        self.up = (_HEIGHT - _TOP - _BOTTOM) / self.nbytes  # pixels of a byte

    def x(self, moment: float) -> float:
        return _LEFT + moment * self.across

    def y(self, offset: float) -> float:
        return _HEIGHT - _BOTTOM - offset * self.up

    def text(self, x: float, y: float, words: str, anchor: str = "start", size: float = 11.0) -> None:
        made = ElementTree.SubElement(
            self.group, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, "font-size": f"{size:g}"}
        )
        made.text = words

    def line(self, x1: float, y1: float, x2: float, y2: float) -> None:
        ends = {"x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}"}
        ElementTree.SubElement(self.group, "line", {**ends, "stroke": "#444", "stroke-width": "1"})

    def draw(self) -> None:
        title = f"{self.device}: {self.plan.devices[self.device]:,} bytes"
        whole = f"; all arenas {self.plan.peak:,}" if len(self.plan.devices) > 1 else ""
        bound = f"lower bound {self.plan.lower_bound:,}, ratio {self.plan.ratio:.3f}"
        self.text(_LEFT, 22, f"{title}{whole}; {bound}", size=14)
        self.axes()
        for piece in self.pieces:
            self.rectangle(piece)

    def axes(self) -> None:
        self.line(self.x(0), self.y(0), self.x(self.plan.moments + 1), self.y(0))
        self.line(self.x(0), self.y(0), self.x(0), self.y(self.nbytes))
        every = -(-(self.plan.moments + 1) // 25)
        for moment in range(0, self.plan.moments + 1, every):
            name = "end" if moment == self.plan.moments else str(moment)
            self.text(self.x(moment + 0.5), self.y(0) + 14, name, "middle")
        self.text(self.x((self.plan.moments + 1) / 2), self.y(0) + 32, "moment", "middle")
        unit, name = _unit(self.nbytes)
        for fifth in range(6):
            offset = self.nbytes * fifth / 5
            self.line(self.x(0) - 4, self.y(offset), self.x(0), self.y(offset))
            self.text(self.x(0) - 7, self.y(offset) + 4, f"{offset / unit:.3g} {name}", "end")

    def rectangle(self, piece: Piece) -> None:
        left, width = self.x(piece.first), (piece.last - piece.first + 1) * self.across
        top, height = self.y(piece.offset + piece.bytes), piece.bytes * self.up
        where = {"x": f"{left:.2f}", "y": f"{top:.2f}", "width": f"{width:.2f}", "height": f"{max(height, 0.5):.2f}"}
        fill = _SCRATCH if piece.value.startswith("scratch of ") else _SWATCHES[_number(piece.op) % len(_SWATCHES)]
        look = {"fill": fill, "fill-opacity": "0.8", "stroke": "#fff", "stroke-width": "0.6"}
        box = ElementTree.SubElement(self.group, "rect", {**where, **look})
        hint = ElementTree.SubElement(box, "title")  # what a browser shows under the pointer
        hint.text = (
            f"{piece.value} ({piece.op}): {piece.bytes:,} bytes at {piece.offset:,}, {piece.first} to {piece.last}"
        )
        size = f"{piece.bytes / 1e6:.2f} MB" if piece.bytes >= 1e4 else f"{piece.bytes} B"
        if height >= 2 * _LINE + 4:
            self.label(left, top + height / 2 - 2, width, piece.value)
            self.label(left, top + height / 2 + _LINE - 2, width, size)
        elif height >= _LINE:
            self.label(left, top + height / 2 + 4, width, f"{piece.value}, {size}")

    def label(self, left: float, y: float, width: float, words: str) -> None:
        """In the middle of the box, shortened to its width."""
        room = int((width - 4) / _LETTER)
        if room >= 3:
            self.text(left + width / 2, y, words if len(words) <= room else words[: room - 1] + "…", "middle")


def _number(name: str) -> int:
    """A number of a name that is the same in every process."""
    return sum((i + 1) * b for i, b in enumerate(name.encode()))


def _unit(nbytes: int) -> tuple[float, str]:
    return next((float(f"1e{p}"), n) for p, n in ((9, "GB"), (6, "MB"), (3, "kB"), (0, "B")) if nbytes >= 10**p)


def picture(plan: MemoryPlan) -> bytes:
    """The file's bytes."""
    panels = max(1, len(plan.devices))
    size = {"width": f"{_WIDTH:g}", "height": f"{_HEIGHT * panels:g}"}
    root = ElementTree.Element("svg", {**size, "xmlns": "http://www.w3.org/2000/svg", "font-family": "sans-serif"})
    ElementTree.SubElement(root, "rect", {**size, "fill": "#fff"})
    for i, device in enumerate(plan.devices):
        _Panel(root, plan, device, i * _HEIGHT).draw()
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
