"""``simulacra deidentify``."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from domains.cli.terminal import AsJson, Out, progress, report
from domains.pipeline import deidentifying
from shared.errors import ConfigurationError


def deidentify(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="A file, or a folder with one for each table.")],
    schema: Annotated[Path, typer.Option("--schema", help="What is declared about it.", show_default=False)],
    out: Out,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="TABLE.COLUMN=KIND", help="What a column holds: name, phone, zip, …, keep."),
    ] = None,
    dates: Annotated[str, typer.Option("--dates", help="years (Safe Harbor), or shifted by unit.")] = "years",
    as_json: AsJson = False,
) -> None:
    """Put surrogates in the place of direct identifiers, in text and in columns.

    Rules find them, not people: the result is internal, and so is the count of what was found beside it.
    """
    with progress(as_json=as_json) as reporter:
        made = deidentifying.deidentify(
            source,
            schema=schema,
            out=out,
            declared=_pairs(column or []),
            dates=dates,  # type: ignore[arg-type]
            now=datetime.now(UTC),
            reporter=reporter,
        )
    total = sum(sum(counts.values()) for counts in made.found.values())
    report(dataclasses.asdict(made), f"{out}: {total:,} identifiers replaced; {made.standard}", as_json=as_json)


def _pairs(given: list[str]) -> dict[str, str]:
    for text in given:
        if "=" not in text or "." not in text.partition("=")[0]:
            raise ConfigurationError(f"--column {text!r}; write TABLE.COLUMN=KIND, such as patients.name=name")
    return {name: kind for name, _, kind in (text.partition("=") for text in given)}
