"""Draw the house from the code's own imports: docs/house.svg. With --check, fail if it is out of date."""

from __future__ import annotations

import sys
from collections import defaultdict
from html import escape
from pathlib import Path

import grimp

FLOORS = ("domains", "evaluation", "privacy", "shared")
# ruff: noqa: E501  (SVG elements stay on one line)
TARGET = Path(__file__).parent.parent / "docs" / "house.svg"
WIDTH, ROOM, GAP, FLOOR = 960, 40, 12, 128


def rooms_and_arrows() -> tuple[dict[str, list[str]], dict[tuple[str, str], int]]:
    """Rooms of each floor (packages of the second level, or modules), and how many imports run between floors."""
    graph = grimp.build_graph(*FLOORS)
    rooms: dict[str, set[str]] = defaultdict(set)
    arrows: dict[tuple[str, str], int] = defaultdict(int)
    for module in graph.modules:
        floor, *rest = module.split(".")
        if rest:
            rooms[floor].add(rest[0])
        for imported in graph.find_modules_directly_imported_by(module):
            target = imported.split(".")[0]
            if target != floor:
                arrows[floor, target] += 1
    return {floor: sorted(rooms[floor]) for floor in FLOORS}, dict(arrows)


def drawn() -> str:
    """The picture as SVG text; the same code gives the same text."""
    rooms, arrows = rooms_and_arrows()
    height = FLOOR * len(FLOORS) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">',
        f'<title>The house</title><rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for level, floor in enumerate(FLOORS):
        top = 10 + level * FLOOR
        parts.append(
            f'<rect x="10" y="{top}" width="{WIDTH - 20}" height="{FLOOR - 14}" rx="6" fill="#eef2f6" stroke="#5b6b7b"/>'
        )
        parts.append(f'<text x="24" y="{top + 22}" font-weight="bold" fill="#1d2733">{floor}/</text>')
        below = ", ".join(f"{target} ({arrows[floor, target]})" for target in FLOORS if (floor, target) in arrows)
        note = f"imports {below}" if below else "imports none of the other floors"
        parts.append(f'<text x="{WIDTH - 24}" y="{top + 22}" text-anchor="end" fill="#44525f">{escape(note)}</text>')
        parts += _rooms(rooms[floor], top + 36)
    return "\n".join([*parts, "</svg>", ""])


def _rooms(names: list[str], top: int) -> list[str]:
    width = (WIDTH - 48 - GAP * (len(names) - 1)) / max(1, len(names))
    parts = []
    for index, name in enumerate(names):
        left = 24 + index * (width + GAP)
        size = min(13.0, 1.65 * width / max(1, len(name)))
        parts.append(
            f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{ROOM}" rx="4" fill="#ffffff" stroke="#8493a2"/>'
        )
        parts.append(
            f'<text x="{left + width / 2:.1f}" y="{top + 25}" font-size="{size:.1f}" text-anchor="middle" '
            f'fill="#1d2733">{escape(name)}</text>'
        )
    return parts


if __name__ == "__main__":
    picture = drawn()
    if "--check" in sys.argv:
        if not TARGET.exists() or TARGET.read_text(encoding="utf-8") != picture:
            print("docs/house.svg is out of date; run: python scripts/draw_house.py")
            sys.exit(1)
    else:
        TARGET.write_text(picture, encoding="utf-8")
