"""Colours and strokes the drawings are made of."""

from __future__ import annotations

from dataclasses import dataclass

INKS: dict[str, str] = {
    "black": "#34363b",
    "white": "#f4f2ec",
    "grey": "#9aa0a6",
    "navy": "#2f4266",
    "blue": "#5b86b8",
    "teal": "#3d8b8c",
    "green": "#5b8a5f",
    "olive": "#7d7c4a",
    "yellow": "#e3b53f",
    "red": "#c14b42",
    "burgundy": "#7c3244",
    "pink": "#dc9aa6",
    "brown": "#85603f",
    "camel": "#c59d6c",
    "cream": "#ebdfc6",
    "indigo": "#404c7d",
}


@dataclass(frozen=True, slots=True)
class Ink:
    """The colour of a thing, one for its shade, its light, and its lines."""

    main: str
    shade: str
    light: str
    line: str


def ink_of(color: str) -> Ink:
    main = INKS[color]
    return Ink(main, _mix(main, "#000000", 0.18), _mix(main, "#ffffff", 0.3), _mix(main, "#1b1b22", 0.55))


def _mix(one: str, other: str, part: float) -> str:
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pairs)


def _channels(color: str) -> tuple[int, ...]:
    return tuple(int(color[start : start + 2], 16) for start in (1, 3, 5))


def path(outline: str, fill: str, more: str = "") -> str:
    return f'<path d="{outline}" fill="{fill}" {more}/>'


def line(outline: str) -> str:
    return f'<path d="{outline}" fill="none"/>'


def dots(points: tuple[tuple[int, int], ...], fill: str, radius: int = 6) -> str:
    return "".join(f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{fill}" stroke="none"/>' for x, y in points)
