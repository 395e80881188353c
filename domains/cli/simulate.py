"""``simulacra simulate``."""

from __future__ import annotations

from typing import Annotated

import typer

from domains.base.registry import domain_names
from domains.cli.terminal import AsJson, Out, Seed, progress, report
from domains.pipeline.simulating import simulate_corpus


def simulate(
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help=f"One of: {', '.join(domain_names())}.")],
    units: Annotated[int, typer.Option(min=1, help="How many units (patients, customers, …).", show_default=False)],
    out: Out,
    seed: Seed = 0,
    layout: Annotated[
        str | None,
        typer.Option(
            help="How the corpus is laid out; medical: 'flat' (one table of encounters) or 'tables' (patients, "
            "encounters, diagnoses); shop: 'tables' (users, clicks, purchases).",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a first corpus from public knowledge; no records are needed."""
    with progress(as_json=as_json) as reporter:
        rows = simulate_corpus(domain, units, seed=seed, out=out, reporter=reporter, layout=layout)
    counts = ", ".join(f"{count:,} rows of {table}" for table, count in rows.items())
    report(
        {"out": str(out), "domain": domain, "units": units, "seed": seed, "rows": rows},
        f"{out}: {units:,} units, {counts}",
        as_json=as_json,
    )
