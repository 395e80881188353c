"""``simulacra sample``."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

import typer

from domains.cli.terminal import AsJson, Replace, Target, location, progress, report
from domains.pipeline.model import load_model
from domains.pipeline.sampling import sample_to
from shared.corpus.databases.urls import shown_location


def sample(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder that 'simulacra fit' wrote.")],
    out: Target,
    units: Annotated[
        int | None,
        typer.Option(
            min=1, help="How many units (default: as many as the model was declared for).", show_default=False
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Equal seeds give equal output (default: another one each time).", show_default=False),
    ] = None,
    device: Annotated[str, typer.Option(help="'cpu' or 'cuda'.")] = "cpu",
    replace: Replace = False,
    as_json: AsJson = False,
) -> None:
    """Generate a corpus with a saved model, in a stream: memory does not grow with --units."""
    chosen = secrets.randbits(31) if seed is None else seed
    with progress(as_json=as_json) as reporter:
        loaded = load_model(model, device=device)
        wanted = loaded.provenance.units if units is None else units
        rows = sample_to(loaded, wanted, location(out), seed=chosen, reporter=reporter, replace=replace)
    report(
        {"out": shown_location(out), "units": wanted, "seed": chosen, "rows": rows},
        f"{shown_location(out)}: {wanted:,} units, "
        + ", ".join(f"{count:,} rows of {table}" for table, count in rows.items()),
        as_json=as_json,
    )
