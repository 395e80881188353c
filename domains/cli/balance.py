"""``simulacra balance``."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

import typer

from domains.cli.shares import class_shares
from domains.cli.terminal import AsJson, Replace, Target, location, progress, report
from domains.pipeline.balancing import Balanced, EqualRate, balance_to, positives
from domains.pipeline.model import load_model
from shared.corpus.databases.urls import shown_location
from shared.errors import ConfigurationError


def balance(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder that 'simulacra fit' wrote.")],
    out: Target,
    column: Annotated[
        str | None, typer.Option("--column", help="The column whose classes are mixed.", show_default=False)
    ] = None,
    mix: Annotated[
        str | None, typer.Option("--mix", help="Share of each class: Yes=.5,No=.5", show_default=False)
    ] = None,
    equal_rate: Annotated[
        str | None,
        typer.Option(
            "--equal-rate",
            metavar="COLUMN=VALUE",
            help="These values (several: A|B) are equally frequent in every group of --across.",
            show_default=False,
        ),
    ] = None,
    across: Annotated[
        str | None, typer.Option("--across", metavar="COLUMN", help="The column of groups.", show_default=False)
    ] = None,
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
    """Generate with a chosen mix of classes (--column, --mix), or equal rates across groups (--equal-rate, --across).

    What it costs is printed: the pair agreement that is lost against an ordinary sample of the model. No record is
    touched.
    """
    wanted = _wanted(column, mix, equal_rate, across)
    chosen = secrets.randbits(31) if seed is None else seed
    with progress(as_json=as_json) as reporter:
        loaded = load_model(model, device=device)
        made = balance_to(
            loaded, model, location(out), units=units or loaded.provenance.units, wanted=wanted, seed=chosen,
            reporter=reporter, replace=replace,
        )  # fmt: skip
    place = shown_location(out)
    result = {"out": place, "seed": chosen, "rows": made.rows, "cost": made.cost, "pair_agreement": made.agreement}
    report(
        result | {"unbalanced_pair_agreement": made.without, "rates": {k: list(v) for k, v in made.rates.items()}},
        "\n".join([f"{place}: {sum(made.rows.values()):,} rows", *_lines(made)]),
        as_json=as_json,
    )


def _wanted(
    column: str | None, mix: str | None, equal_rate: str | None, across: str | None
) -> dict[str, dict[str, float]] | EqualRate:
    if column is not None and mix is not None and equal_rate is None and across is None:
        return {column: class_shares(mix, "--mix")}
    if equal_rate is not None and across is not None and column is None and mix is None:
        name, values = positives(equal_rate)
        return EqualRate(column=name, positive=values, across=across)
    raise ConfigurationError("give --column and --mix, or --equal-rate and --across")


def _lines(made: Balanced) -> list[str]:
    lines = [
        f"pair agreement with an ordinary sample: {made.agreement:.4f}, of two ordinary ones: {made.without:.4f}; "
        f"balance costs {made.cost:.4f}"
    ]
    return lines + [
        f"rate in {group}: {before:.3f} before, {after:.3f} now" for group, (before, after) in made.rates.items()
    ]
