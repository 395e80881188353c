"""``simulacra schema``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from domains.cli.terminal import AsJson, location, report
from domains.pipeline.drafting import draft_schema
from domains.pipeline.sdv_metadata import Exchanged, export_metadata, import_metadata

app = typer.Typer(help="Draft the declaration of a corpus, or exchange it with SDV's metadata.", no_args_is_help=True)


@app.command(epilog="Example: simulacra schema infer visits.csv.gz --out schema.yaml")
def infer(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE…", help="CSV, Parquet or JSONL, one table a file, or URLs of such; or the URL of a database."
        ),
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


@app.command("import", epilog="Example: simulacra schema import metadata.json --out schema.yaml")
def import_(
    metadata: Annotated[Path, typer.Argument(metavar="METADATA", help="SDV's metadata of specification V1 or V2.")],
    out: Annotated[
        Path, typer.Option("--out", help="Schema file to write; it must not exist yet.", show_default=False)
    ],
    declared: Annotated[
        bool,
        typer.Option(
            "--declared",
            help="People wrote the ranges in it. SDV 2 reads ranges off records, so else they are marked 'learned'.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Turn SDV's metadata into a schema; what a schema cannot hold is said, and what a private run still needs."""
    found = import_metadata(metadata, out, ranges_declared=declared)
    lines = [f"{out}: " + _counts(found)]
    lines += [f"warning: {note}" for note in found.notes]
    lines += [f"a private run would still need: {line}" for line in found.needed]
    report(
        {"out": str(out), "tables": _sizes(found), "notes": list(found.notes), "needed": list(found.needed)},
        "\n".join(lines),
        as_json=as_json,
    )


@app.command(epilog="Example: simulacra schema export schema.yaml --out metadata.json")
def export(
    schema: Annotated[Path, typer.Argument(metavar="SCHEMA", help="Schema file.")],
    out: Annotated[
        Path, typer.Option("--out", help="Metadata file to write; it must not exist yet.", show_default=False)
    ],
    spec: Annotated[
        Literal["V1", "V2"], typer.Option("--spec", help="V1 is read by every SDV; V2, of SDV 2, has ranges.")
    ] = "V1",
    as_json: AsJson = False,
) -> None:
    """Turn a schema into SDV's metadata; what they cannot hold is said, a line each."""
    found = export_metadata(schema, out, spec=spec)
    lines = [f"{out}: " + _counts(found), *(f"warning: {note}" for note in found.notes)]
    report({"out": str(out), "tables": _sizes(found), "notes": list(found.notes)}, "\n".join(lines), as_json=as_json)


def _sizes(found: Exchanged) -> dict[str, int]:
    return {table.name: len(table.columns) for table in found.schema.tables}


def _counts(found: Exchanged) -> str:
    return ", ".join(f"{name} with {count} columns" for name, count in _sizes(found).items())
