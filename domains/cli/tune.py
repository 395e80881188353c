"""``simulacra tune``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from domains.cli.terminal import AsJson, Config, Seed, progress, report
from domains.pipeline.config import read_config
from domains.pipeline.tuning import SCORES, Tuned, engine_names, tune
from shared.errors import ConfigurationError

_SHOWN = 5


def tune_(
    config: Config,
    out: Annotated[
        Path,
        typer.Option("--out", help="New configuration file to write, beside CONFIG.", show_default=False),
    ],
    engines: Annotated[
        str | None,
        typer.Option("--engines", help="Engines to choose from: sequence,vae (default: CONFIG's).", show_default=False),
    ] = None,
    score: Annotated[str, typer.Option("--score", help=f"What decides: {', '.join(SCORES)}.")] = "pair agreement",
    trials: Annotated[int, typer.Option("--trials", min=1, help="How many settings are tried.")] = 20,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Pick the engine and its main settings by a score on training units that the trials do not learn from.

    The defaults are tried first. The holdout stays unseen. What is printed is computed on records and must not leave;
    under a promise nothing is tuned.
    """
    named = next((name for name in SCORES if name == score), None)
    if named is None:
        raise ConfigurationError(f"--score is {score!r}; it must be one of {', '.join(SCORES)}")
    read = read_config(config)
    with progress(as_json=as_json) as reporter:
        made = tune(
            read, engines=engine_names(read, engines), score=named, trials=trials, seed=seed, reporter=reporter, out=out
        )
    tried = [{"engine": t.engine, "settings": dict(t.settings), "score": t.score} for t in made.trials]
    best = {"engine": made.best.engine, "settings": dict(made.best.settings), "score": made.best.score}
    report(
        {"out": str(out), "score": named, "best": best, "trials": tried}, "\n".join(_lines(made, out)), as_json=as_json
    )


def _lines(made: Tuned, out: Path) -> list[str]:
    order = sorted(made.trials, key=lambda trial: -float("inf") if trial.score is None else -trial.score)
    shown = [trial for trial in order if trial.score is not None][:_SHOWN]
    lines = [
        f"{trial.score:.4f}  {trial.engine}  "
        + ", ".join(f"{key} {value:.4g}" for key, value in trial.settings.items())
        for trial in shown
    ]
    return [*lines, f"{out}: {len(made.trials)} trials; the best is written there, and so are all other keys of CONFIG"]
