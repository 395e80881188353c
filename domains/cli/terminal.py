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
from shared.training.reporter import Reporter, SilentReporter

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else.")]
Out = Annotated[Path, typer.Option("--out", help="Folder to write; it must not exist yet.", show_default=False)]
Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML file, see docs/configuration.md.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Equal seeds give equal output.")]


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
