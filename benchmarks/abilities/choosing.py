"""Twenty trials of tuning: what they find, beside the default, on the holdout that no trial saw."""

from __future__ import annotations

import dataclasses

import numpy as np

from benchmarks.abilities.lines import Line, say
from benchmarks.abilities.world import World, sample
from domains.pipeline.tuning import tune
from evaluation.comparison import Comparison
from evaluation.effort import Effort
from evaluation.fidelity.pair_agreement import pair_agreement
from shared.training.reporter import SilentReporter

TRIALS = 20
TOLERANCE = 0.001  # about how far two seeds of the same settings are apart


def run(world: World, seeds: range) -> list[Line]:
    """Pair agreement with the holdout of the best trial's settings and of the engine's defaults, fitted to all rows."""
    config = dataclasses.replace(world.config, engines={"default": type(world.config.engines["default"])()})
    best, default = list[float](), list[float]()
    for seed in seeds:
        tuned = tune(
            config, engines=["sequence"], score="pair agreement", trials=TRIALS, seed=seed, reporter=SilentReporter()
        )
        say(f"tuning, seed {seed}: trial scores {tuned.trials[0].score:.4f} (default), {tuned.best.score:.4f} (best)")
        for settings, scores in ((tuned.best.settings, best), (tuned.trials[0].settings, default)):
            model, _ = world.fitted(world.data.train.frame, seed, **settings)
            made = world.units(sample(model, len(world.data.train), seed))
            apart = Comparison(world.table, world.data.holdout, world.data.train, made, Effort())
            scores.append(pair_agreement(apart, seed=seed).value)
    met = float(np.mean(best)) >= float(np.mean(default)) - TOLERANCE
    return [Line("tuning, pair agreement with the holdout", best, default, "default", met)]
