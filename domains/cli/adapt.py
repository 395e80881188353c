"""``simulacra adapt``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from domains.cli.terminal import AsJson, Config, Out, progress, report
from domains.pipeline.adapting import Adapted, adapt_to
from domains.pipeline.config import read_config

_SHOWN = 5  # columns


def adapt(
    config: Config,
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The model that goes on learning.")],
    out: Out,
    only_if_moved: Annotated[
        bool, typer.Option("--only-if-moved", help="Train only if a column has moved since the model was fitted.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train a model further on the records that CONFIG names, and save it as a new one.

    From another site, a simulation or an older batch: codes keep their meaning, and the engine goes on from its
    weights, with the settings of CONFIG. How far each column has moved is said first; it is computed on records and
    must not leave. Without a promise alone.
    """
    with progress(as_json=as_json) as reporter:
        made = adapt_to(read_config(config), model, out, reporter, now=datetime.now(UTC), only_if_moved=only_if_moved)
    columns = {shift.name: {"index": shift.index, "chance": shift.chance, "moved": shift.moved} for shift in made.drift}
    report(
        {"model": str(out) if made.updated else None, "updated": made.updated, "drift": columns},
        "\n".join(_lines(made, out)),
        as_json=as_json,
    )


def _lines(made: Adapted, out: Path) -> list[str]:
    lines = [
        f"{shift.name}: stability index {shift.index:.3f}, by chance {shift.chance:.3f}"
        f" ({'moved' if shift.moved else 'stable'})"
        for shift in made.drift[:_SHOWN]
    ]
    if not made.updated:
        return [*lines, "no column has moved; the model stays as it is"]
    return [*lines, f"{out}: the adapted model; generate with: simulacra sample {out} --out synthetic"]
