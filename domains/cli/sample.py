"""``simulacra sample``."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

import typer

from domains.cli.terminal import AsJson, Replace, Target, location, progress, report
from domains.pipeline.conditions import Conditions, conditions_where
from domains.pipeline.given_file import conditions_given
from domains.pipeline.model import Model, load_model
from domains.pipeline.sampling import INTERNAL, prepare, sample_to
from domains.pipeline.where import parse_where
from shared.corpus.databases.urls import shown_location
from shared.errors import ConfigurationError


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
    where: Annotated[
        list[str] | None,
        typer.Option(
            help="A condition: 'age >= 65', 'sex = Female', 'drug in {insulin, metformin}', 'bmi is missing'; also "
            "!=, <, <=, >, not in, is not missing. Repeat it for more. One on a column of rows holds in every row "
            "of the unit. Public: conditions are declared by you.",
            show_default=False,
        ),
    ] = None,
    given: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="CSV or Parquet with any of the columns: one unit for each of its rows (with the unit's key: its rows "
            "are the unit's rows), given values repeated exactly. The output is internal: it goes to OUT/internal, "
            "readable by you alone.",
            show_default=False,
        ),
    ] = None,
    no_real_records: Annotated[
        bool,
        typer.Option(
            "--no-real-records", help="The file of --given holds no real records: what comes out is not internal."
        ),
    ] = False,
    fill_missing: Annotated[
        bool,
        typer.Option("--fill-missing", help="Draw what is empty in the file of --given; else it stays missing."),
    ] = False,
    device: Annotated[str, typer.Option(help="'cpu' or 'cuda'.")] = "cpu",
    replace: Replace = False,
    as_json: AsJson = False,
) -> None:
    """Generate a corpus with a saved model, in a stream: memory does not grow with --units.

    With --where or --given it is drawn from the model's exact distribution given that.
    """
    if given is None and (no_real_records or fill_missing):
        raise ConfigurationError("--no-real-records and --fill-missing say something of --given FILE; give that too")
    if given is not None and units is not None:
        raise ConfigurationError("--given has one unit for each row (or key) of its file; leave --units out")
    internal = given is not None and not no_real_records
    target = location(out)
    if internal and not isinstance(target, Path):
        raise ConfigurationError(
            "what --given repeats is internal and goes to a folder for your eyes only; give --out DIR, or "
            "--no-real-records if its file holds none"
        )
    chosen = secrets.randbits(31) if seed is None else seed
    with progress(as_json=as_json) as reporter:
        loaded = load_model(model, device=device)
        conditions, wanted = _conditions(loaded, where or [], given, fill_missing=fill_missing)
        wanted = wanted or (loaded.provenance.units if units is None else units)
        if conditions is not None:
            prepare(loaded, model, conditions, wanted, reporter, internal=internal)
        rows = sample_to(
            loaded,
            wanted,
            target,
            seed=chosen,
            reporter=reporter,
            replace=replace,
            conditions=conditions,
            internal=internal,
        )
    place = f"{out}/{INTERNAL}" if internal else shown_location(out)
    report(
        {"out": place, "units": wanted, "seed": chosen, "rows": rows, "internal": internal},
        f"{place}: {wanted:,} units, "
        + ", ".join(f"{count:,} rows of {table}" for table, count in rows.items())
        + ("; internal: it repeats given records, do not publish it" if internal else ""),
        as_json=as_json,
    )


def _conditions(
    model: Model, where: list[str], given: Path | None, *, fill_missing: bool
) -> tuple[Conditions | None, int | None]:
    """What is given, and of how many units if that says so."""
    if not where and given is None:
        return None, None
    table = model.only
    clauses = [parse_where(text, table.table.names) for text in where]
    conditions = conditions_where(clauses, table.codec, table.constraints) if clauses else None
    if given is None:
        return conditions, None
    by_file, units = conditions_given(given, table.codec, table.constraints, fill_missing=fill_missing)
    return (by_file if conditions is None else conditions.together(by_file)), units
