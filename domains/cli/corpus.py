"""``simulacra corpus``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from domains.base.registry import domain_names
from domains.cli.shares import class_shares, number_of
from domains.cli.terminal import AsJson, Out, Seed, progress, report
from domains.pipeline.task_corpus import SPLITS, make_task_corpus
from shared.errors import ConfigurationError


def corpus(
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help=f"One of: {', '.join(domain_names())}.")],
    task: Annotated[str, typer.Option("--task", help="Name of one of the domain's tasks.", show_default=False)],
    size: Annotated[int, typer.Option("--size", min=3, help="How many examples in all.", show_default=False)],
    out: Out,
    balance: Annotated[
        str | None,
        typer.Option("--balance", help="Share of each class, a=.5,b=.5 (default: as it comes).", show_default=False),
    ] = None,
    split: Annotated[str, typer.Option("--split", help="Shares of train, validation and test.")] = ".8,.1,.1",
    model: Annotated[
        Path | None,
        typer.Option("--model", help="Draw from this model (default: the domain's simulator).", show_default=False),
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """The labelled train, validation and test corpus of one task, of exact size and class mix."""
    mix = None if balance is None else class_shares(balance, "--balance")
    with progress(as_json=as_json) as reporter:
        made = make_task_corpus(
            domain, task, size, balance=mix, shares=_shares(split), out=out, model=model, seed=seed,
            reporter=reporter,
        )  # fmt: skip
    totals = {name: sum(counts.values()) for name, counts in made.counts.items()}
    report(
        {"out": str(out), "task": made.task.name, "counts": made.counts, "drawn": made.drawn},
        f"{out}: " + ", ".join(f"{count:,} {name}" for name, count in totals.items()),
        as_json=as_json,
    )


def _shares(text: str) -> list[float]:
    shares = [number_of(part, "--split", text) for part in text.split(",")]
    if len(shares) != len(SPLITS):
        raise ConfigurationError(f"--split is {text!r}; give three shares, of {', '.join(SPLITS)}, such as .8,.1,.1")
    return shares
