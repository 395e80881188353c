"""``simulacra fuse``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from domains.cli.shares import class_shares
from domains.cli.terminal import AsJson, Config, Out, Seed, progress, report
from domains.pipeline.config import read_config
from domains.pipeline.fusing import fuse_to
from domains.pipeline.sampling import INTERNAL


def fuse(
    config: Config,
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder that 'simulacra fit CONFIG' wrote.")],
    column: Annotated[str, typer.Option("--column", help="Whose classes are filled up.", show_default=False)],
    mix: Annotated[
        str, typer.Option("--mix", help="Share of each class in the training set: Yes=.5,No=.5", show_default=False)
    ],
    out: Out,
    augment: Annotated[
        int, typer.Option("--augment", min=0, help="Variants of each real training row that are added first.")
    ] = 0,
    redrawn: Annotated[
        float, typer.Option("--redrawn", help="Share of a variant's values that are drawn anew, given the others.")
    ] = 0.3,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Real and synthetic records together: a training set with a declared mix of classes, a test set of real ones.

    All real training units stay, synthetic ones fill the rarer classes up, and a column says which is which. The test
    set is the holdout of CONFIG. The output repeats real records: it goes to OUT/internal, readable by you alone.
    """
    shares = class_shares(mix, "--mix")
    with progress(as_json=as_json) as reporter:
        made = fuse_to(
            read_config(config), model, out, column=column, mix=shares, copies=augment, redrawn=redrawn, seed=seed,
            reporter=reporter,
        )  # fmt: skip
    totals = ", ".join(f"{sum(counts.values()):,} {name}" for name, counts in made.train.items())
    report(
        {"out": f"{out}/{INTERNAL}", "train": made.train, "test": made.test, "internal": True},
        f"{out}/{INTERNAL}: train of {totals} units, test of {made.test:,} real ones; internal: they repeat records",
        as_json=as_json,
    )
