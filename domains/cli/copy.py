"""``simulacra copy``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from domains.cli.terminal import AsJson, Replace, location, progress, report
from domains.pipeline.copying import copy_corpus
from shared.corpus.databases.urls import shown_location


def copy(
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="File, folder, glob, or URL of a database or object store.")
    ],
    target: Annotated[str, typer.Argument(metavar="TO", help="New folder, or URL of a database or object store.")],
    schema: Annotated[Path, typer.Option("--schema", help="What is declared about it.", show_default=False)],
    replace: Replace = False,
    as_json: AsJson = False,
) -> None:
    """Load a corpus from one place to another, such as the public tables of a release into PostgreSQL.

    Every value is checked against the schema. The corpus arrives whole or not at all, so the same call can be
    repeated. Rows whose foreign key points nowhere are reported.
    """
    with progress(as_json=as_json) as reporter:
        copied = copy_corpus(location(source), location(target), schema=schema, reporter=reporter, replace=replace)
    lines = [f"{shown_location(target)}: " + ", ".join(f"{n:,} rows of {table}" for table, n in copied.rows.items())]
    lines += [
        f"warning: {n:,} rows of {key} point to a key that the other table lacks" for key, n in copied.dangling.items()
    ]
    report(
        {"out": shown_location(target), "rows": copied.rows, "dangling": copied.dangling},
        "\n".join(lines),
        as_json=as_json,
    )
