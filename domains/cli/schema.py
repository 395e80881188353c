"""``simulacra schema``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from domains.cli.terminal import AsJson, location, report
from domains.pipeline.drafting import draft_schema

app = typer.Typer(help="Draft the declaration of a corpus.", no_args_is_help=True)


@app.command(epilog="Example: simulacra schema infer visits.csv.gz --out schema.yaml")
def infer(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="FILE…", help="CSV, Parquet or JSONL, one table a file; or the URL of a database."),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="Schema file to write; it must not exist yet.", show_default=False)
    ],
    as_json: AsJson = False,
) -> None:
    """Draft a schema from files, or from what a database declares (types, NOT NULL, keys; no record is read).

    Each value that was read off records is marked under 'learned': a private run forgets it and pays for finding
    it again, or refuses. Check the draft, and take the mark off what you know from elsewhere.
    """
    schema = draft_schema([location(source) for source in sources], out)
    tables = {table.name: len(table.columns) for table in schema.tables}
    learned = sum(len(column.learned) for table in schema.tables for column in table.columns)
    counts = ", ".join(f"{name} with {count} columns" for name, count in tables.items())
    report(
        {"out": str(out), "tables": tables, "learned": learned},
        f"{out}: {counts}; {learned} values were read off records and are marked 'learned': check them",
        as_json=as_json,
    )
