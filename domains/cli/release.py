"""``simulacra release``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from domains.cli.terminal import AsJson, Config, progress, report
from domains.pipeline.config import read_config
from domains.pipeline.flow import release_to


def release(
    config: Config,
    out: Annotated[
        Path,
        typer.Option("--out", help="Folder to publish to: new, or one with earlier releases.", show_default=False),
    ],
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Keep training curves for TensorBoard in internal/tensorboard.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Records in, an audited bundle out: fit, sample, evaluate, judge, publish.

    A release that misses a declared threshold is not published (exit code 3); one that the budget of its source
    does not allow is not begun (exit code 4).
    """
    with progress(as_json=as_json) as reporter:
        made = release_to(read_config(config), out, reporter, now=datetime.now(UTC), tensorboard=tensorboard)
    promise = made.promise
    said = "no privacy promised" if promise is None else f"ε = {promise.epsilon:g}, δ = {promise.delta:g}"
    report(
        {
            "release": made.name,
            "folder": str(made.folder),
            "public": str(made.folder / "public"),
            "report": str(made.folder / "internal" / "report.html"),
            "passed": True,
            "privacy": "none" if promise is None else {"epsilon": promise.epsilon, "delta": promise.delta},
            "rows": made.rows,
        },
        f"published {made.folder / 'public'} ({said}); read {made.folder / 'internal' / 'report.html'}",
        as_json=as_json,
    )
