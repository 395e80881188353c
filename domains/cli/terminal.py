"""What all commands share: options, progress, and the one place that writes to standard output."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from domains.cli.reporter import RichReporter
from shared.corpus.object_stores import is_url
from shared.training.reporter import Reporter, SilentReporter

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else.")]
Out = Annotated[Path, typer.Option("--out", help="Folder to write; it must not exist yet.", show_default=False)]
Target = Annotated[
    str,
    typer.Option(
        "--out",
        help="New folder, or URL of a database (PostgreSQL, SQLite, DuckDB) or object store (s3://…).",
        show_default=False,
    ),
]
Replace = Annotated[bool, typer.Option("--replace", help="Replace tables of a database that exist already.")]
Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML file, see docs/configuration.md.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Equal seeds give equal output.")]


def location(text: str) -> Path | str:
    """A path, or a URL as it was written: a path would lose one of its slashes."""
    return text if is_url(text) else Path(text)


@contextmanager
def progress(*, as_json: bool = False) -> Iterator[Reporter]:
    """Bars on standard error if that is a terminal, silence otherwise."""
    console = Console(stderr=True)
    if as_json or not console.is_terminal:
        yield SilentReporter()
        return
    with RichReporter(console) as reporter:
        yield reporter


def report(result: Mapping[str, Any], lines: str, *, as_json: bool) -> None:
    """The outcome of a command: ``result`` as one JSON object, or ``lines`` for people."""
    typer.echo(json.dumps(result, ensure_ascii=False, allow_nan=False, default=str) if as_json else lines)
