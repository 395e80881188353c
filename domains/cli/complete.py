"""``simulacra complete``."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

import typer

from domains.cli.terminal import AsJson, Out, progress, report
from domains.pipeline.completing import complete_to
from domains.pipeline.model import load_model
from domains.pipeline.sampling import INTERNAL


def complete(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder that 'simulacra fit' wrote.")],
    records: Annotated[
        Path, typer.Option("--records", metavar="FILE", help="CSV or Parquet with gaps.", show_default=False)
    ],
    out: Out,
    times: Annotated[int, typer.Option("--times", min=1, help="How many completions.")] = 5,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Equal seeds give equal output (default: another one each time).", show_default=False),
    ] = None,
    device: Annotated[str, typer.Option(help="'cpu' or 'cuda'.")] = "cpu",
    as_json: AsJson = False,
) -> None:
    """Fill the gaps of records, several times over: what is missing is drawn given what is there.

    No gap is left. How much the completions differ shows how sure the model is. They repeat real records: they go to
    OUT/internal/1, 2, …, readable by you alone.
    """
    chosen = secrets.randbits(31) if seed is None else seed
    with progress(as_json=as_json) as reporter:
        loaded = load_model(model, device=device)
        rows = complete_to(loaded, model, records, out, times=times, seed=chosen, reporter=reporter)
    report(
        {"out": f"{out}/{INTERNAL}", "times": times, "rows": rows, "seed": chosen, "internal": True},
        f"{out}/{INTERNAL}: {times} completions of {rows:,} rows; internal: they repeat real records",
        as_json=as_json,
    )
