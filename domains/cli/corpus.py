"""``simulacra corpus``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from domains.base.registry import domain_names
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
    with progress(as_json=as_json) as reporter:
        made = make_task_corpus(
            domain, task, size, balance=_balance(balance), shares=_shares(split), out=out, model=model, seed=seed,
            reporter=reporter,
        )  # fmt: skip
    totals = {name: sum(counts.values()) for name, counts in made.counts.items()}
    report(
        {"out": str(out), "task": made.task.name, "counts": made.counts, "drawn": made.drawn},
        f"{out}: " + ", ".join(f"{count:,} {name}" for name, count in totals.items()),
        as_json=as_json,
    )


def _balance(text: str | None) -> dict[str, float] | None:
    if text is None:
        return None
    pairs = [part.rpartition("=") for part in text.split(",")]
    names = [name.strip() for name, _, _ in pairs]
    if "" in names or len(set(names)) != len(names):
        raise ConfigurationError(f"--balance is {text!r}; give each class once with its share, such as Yes=.5,No=.5")
    return {name: _number(share, "--balance", text) for name, (_, _, share) in zip(names, pairs, strict=True)}


def _shares(text: str) -> list[float]:
    shares = [_number(part, "--split", text) for part in text.split(",")]
    if len(shares) != len(SPLITS):
        raise ConfigurationError(f"--split is {text!r}; give three shares, of {', '.join(SPLITS)}, such as .8,.1,.1")
    return shares


def _number(text: str, option: str, given: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ConfigurationError(f"{option} is {given!r}; {text.strip()!r} is no number, such as .5") from error
