"""The report of a cleaning plan: one self-contained file, without scripts, in the look of the release report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import evaluation.report
from shared.cleaning.actions import DropRows, Look
from shared.cleaning.plan import Step, learned

REPORT = "report.html"
_STYLES = Path(evaluation.report.__file__).parent / "report.css"
MEANINGS: Mapping[str, str] = {
    "spelling": "Case, blanks, accents, abbreviations or typing errors: several spellings of one value.",
    "number format": "Numbers with decimal commas, marks of thousands or blanks.",
    "date format": "Dates in another format than the column's.",
    "unit beside the number": "The physical unit stands in the cell, beside the number.",
    "mixed units": "A group of numbers lies where the same quantity would in another unit.",
    "impossible value": "What the schema does not allow: unreadable, outside bounds, no category, in the future.",
    "derived value": "A column that follows from others, and does not.",
    "missing": "A value that the schema requires is missing.",
    "duplicate row": "The whole row stands in an earlier place.",
    "duplicate content": "The row stands in an earlier place under another key.",
    "repeated key": "Two rows with one primary key and different content.",
    "near duplicate": "Rows that differ in one or two values, and in these a little.",
    "duplicate unit": "Two units that look like one, entered under two names.",
    "contradiction": "Rows of one unit that contradict each other.",
    "dangling key": "A key that points to a row that is not there.",
    "broken constraint": "A rule of the domain that rows break.",
    "outlier": "Numbers far from all others in their column. Rare is not wrong: look first.",
    "joint outlier": "Rows that are unlike all others as a whole.",
}


@dataclass(frozen=True, kw_only=True)
class CleaningReport:
    """What the report shows. ``changed`` and ``left`` (rows of each table) are of a plan that was carried out."""

    title: str
    created: datetime
    rows: Mapping[str, int]
    steps: Sequence[Step]
    changed: int | None = None
    left: Mapping[str, int] = field(default_factory=dict)


def render_cleaning(content: CleaningReport) -> str:
    """The report as HTML; every text is escaped, and nothing can be loaded or run."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("cleaning.html.j2").render(
        content=content,
        groups=_grouped(content.steps),
        enabled=[step for step in content.steps if step.enabled],
        learned=learned(content.steps),
        style=Markup(_STYLES.read_text(encoding="utf-8")),
    )


def _grouped(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Steps by rule, in the order in which rules first occur."""
    names = list(dict.fromkeys(step.rule for step in steps))
    return [
        {
            "rule": name,
            "meaning": MEANINGS.get(name, ""),
            "steps": [_shown(step) for step in steps if step.rule == name],
        }
        for name in names
    ]


def _shown(step: Step) -> dict[str, Any]:
    action = step.action
    what = {"drop rows": "rows left out", "look": "rows to look at"}.get(action.kind, "cells changed")
    examples = [
        f"row {example.row}"
        if isinstance(action, DropRows | Look)
        else f"row {example.row}: {_cell(example.old)} → {_cell(example.new)}"
        for example in step.examples
    ]
    return {"step": step, "what": what, "examples": examples}


def _cell(text: str | None) -> str:
    return "missing" if text is None else f"“{text}”"
