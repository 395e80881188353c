"""``simulacra release``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from domains.cli.terminal import AsJson, Config, progress, report
from domains.pipeline.config import read_config
from domains.pipeline.flow import release_to
from domains.pipeline.object_store import check_store, upload
from shared.errors import OutputError
from shared.training.reporter import Reporter


def release(
    config: Config,
    out: Annotated[
        Path,
        typer.Option("--out", help="Folder to publish to: new, or one with earlier releases.", show_default=False),
    ],
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Keep training curves for TensorBoard in internal/tensorboard.")
    ] = False,
    store: Annotated[
        str | None,
        typer.Option(
            "--publish",
            metavar="URL",
            help="Put the public part into an object store too, such as s3://bucket/prefix.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Records in, an audited bundle out: fit, sample, evaluate, judge, publish.

    A release that misses a declared threshold is not published (exit code 3); one that the budget of its source
    does not allow is not begun (exit code 4).
    """
    with progress(as_json=as_json) as reporter:
        settings = read_config(config)
        if store is not None:
            check_store(store)  # before anything is spent
        made = release_to(settings, out, reporter, now=datetime.now(UTC), tensorboard=tensorboard)
        place = _uploaded(out, store, reporter) if store is not None else str(made.folder / "public")
    promise = made.promise
    said = "no privacy promised" if promise is None else f"ε = {promise.epsilon:g}, δ = {promise.delta:g}"
    report(
        {
            "release": made.name,
            "folder": str(made.folder),
            "public": place,
            "report": str(made.folder / "internal" / "report.html"),
            "passed": True,
            "privacy": "none" if promise is None else {"epsilon": promise.epsilon, "delta": promise.delta},
            "rows": made.rows,
        },
        f"published {place} ({said}); read {made.folder / 'internal' / 'report.html'}",
        as_json=as_json,
    )


def _uploaded(out: Path, store: str, reporter: Reporter) -> str:
    try:
        return upload(out, store, reporter=reporter)
    except OutputError as error:
        again = f"the release stands in {out}; upload it with 'simulacra publish {out} {store}'"
        raise OutputError(f"{error}; {again}") from error
