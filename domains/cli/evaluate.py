"""``simulacra evaluate``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from domains.cli.terminal import AsJson, Out, Seed, location, progress, report
from domains.pipeline.evaluating import evaluate_to
from shared.corpus.scratch import parse_memory


def evaluate(
    schema: Annotated[Path, typer.Option("--schema", help="Schema of all three.", show_default=False)],
    train: Annotated[str, typer.Option("--train", help="Records that the generator saw.", show_default=False)],
    holdout: Annotated[str, typer.Option("--holdout", help="Records that it never saw.", show_default=False)],
    synthetic: Annotated[str, typer.Option("--synthetic", help="What it generated.", show_default=False)],
    out: Out,
    domain: Annotated[str, typer.Option("--domain", help="Brings constraints and tasks.")] = "plain",
    unit: Annotated[
        str | None,
        typer.Option("--unit", help="Column of the unit, or 'row' (default: as the schema says).", show_default=False),
    ] = None,
    seed: Seed = 0,
    memory: Annotated[str, typer.Option("--memory", help="What the work on records may take.")] = "1GiB",
    as_json: AsJson = False,
) -> None:
    """Fidelity, utility and leakage of synthetic data from anywhere, another tool's too.

    --train, --holdout and --synthetic are files, folders, or URLs of databases.
    Writes report.html and scores.json. Both are computed on real records: they must not leave.
    """
    with progress(as_json=as_json) as reporter:
        scores = evaluate_to(
            out, schema=schema, domain=domain, unit=unit,
            train=location(train), holdout=location(holdout), synthetic=location(synthetic),
            seed=seed, memory=parse_memory(memory), now=datetime.now(UTC), reporter=reporter,
        )  # fmt: skip
    lines = [
        f"{chapter}  {score['name']}: {score['value']:.3f}"
        for chapter in ("fidelity", "utility", "leakage")
        for score in scores[chapter]
        if score["value"] is not None
    ]
    report({"out": str(out), **scores}, "\n".join([f"{out}: report.html and scores.json", *lines]), as_json=as_json)
