"""``simulacra fit``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from domains.cli.terminal import AsJson, Config, Out, progress, report
from domains.pipeline.config import read_config
from domains.pipeline.flow import fit_to


def fit(
    config: Config,
    out: Out,
    tensorboard: Annotated[
        Path | None,
        typer.Option(
            "--tensorboard",
            metavar="DIR",
            help="Write training curves for TensorBoard. They are computed on records: they must not leave.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train a model on the records that CONFIG names, and save it."""
    with progress(as_json=as_json) as reporter:
        made = fit_to(read_config(config), out, reporter, now=datetime.now(UTC), tensorboard=tensorboard)
    promise = made.promise
    result = {
        "model": str(out),
        "source": made.source,
        "tables": list(made.tables),
        "units": made.units,
        "privacy": "none" if promise is None else {"epsilon": promise.epsilon, "delta": promise.delta},
    }
    said = "no privacy promised" if promise is None else f"ε = {promise.epsilon:g}, δ = {promise.delta:g}"
    report(
        result,
        f"{out}: a model of {', '.join(made.tables)} ({said}); generate with: simulacra sample {out} --out synthetic",
        as_json=as_json,
    )
