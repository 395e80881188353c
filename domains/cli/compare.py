"""``simulacra compare``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from domains.cli.terminal import AsJson, progress, report
from domains.pipeline.comparing import compare_to

_PLACE = "a release, a folder with releases (the current one), or what 'simulacra evaluate' wrote"


def compare(
    first: Annotated[Path, typer.Argument(metavar="RELEASE_A", help=f"The earlier one: {_PLACE}.")],
    second: Annotated[Path, typer.Argument(metavar="RELEASE_B", help="The later one.")],
    out: Annotated[Path, typer.Option("--out", help="HTML file to write; it must not exist yet.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Two releases side by side: verdicts, scores with their differences, and what was declared otherwise.

    The page is internal: the scores are computed on real records.
    """
    with progress(as_json=as_json) as reporter:
        result = compare_to(out, first, second, now=datetime.now(UTC), reporter=reporter)
    changes = [score["change"] for score in result["scores"]]
    names = {change: [s["name"] for s in result["scores"] if s["change"] == change] for change in ("better", "worse")}
    told = [f"{change} in B: {', '.join(found)}" for change, found in names.items() if found]
    lines = [f"{out}: {len(changes)} scores, {changes.count('within')} within their intervals", *told]
    report({"out": str(out), **result}, "\n".join(lines), as_json=as_json)
