"""Choice of the engine and its main settings, by a declared score on units that the trials do not learn from.

Every trial reads records, so tuning is for runs without a promise; the holdout stays unseen, so that it can still
judge what was chosen.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import yaml

from domains.pipeline.budgeting import Charge, charged
from domains.pipeline.config import Config
from domains.pipeline.declaring import Declaration, declare
from domains.pipeline.engines import EngineConfig, engine_config, engine_name
from domains.pipeline.records import read_records
from domains.pipeline.training import fit_model
from domains.pipeline.workspace import workspace
from evaluation.comparison import Comparison
from evaluation.effort import Effort
from evaluation.fidelity.pair_agreement import pair_agreement
from evaluation.fidelity.two_sample import two_sample_auc
from evaluation.utility.tasks import task_score
from shared.corpus.folders import writing
from shared.corpus.scratch import Scratch
from shared.corpus.units import UnitFrame, Units, by_unit
from shared.errors import ConfigurationError, OutputError, TrainingDiverged
from shared.randomness import derive, numpy_generator
from shared.training.reporter import Reporter, SilentReporter

if TYPE_CHECKING:
    from optuna.trial import Trial

ScoreName = Literal["pair agreement", "two-sample AUC", "task"]
SCORES: tuple[ScoreName, ...] = ("pair agreement", "two-sample AUC", "task")
_VALIDATION = 0.2  # of the training units
_ROWS = 20_000  # that trials learn from at most, as whole units
# Settings that an engine may have, as factors of their defaults.
_FACTORS: Mapping[str, tuple[float, float]] = {
    "epochs": (0.25, 4.0),
    "learning_rate": (0.25, 4.0),
    "hidden": (0.5, 2.0),
    "embedding": (0.5, 2.0),
    "latent": (0.5, 2.0),
}


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One trial. ``score`` is better the higher it is; ``None`` if training diverged."""

    engine: str
    settings: Mapping[str, Any]
    score: float | None


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """All trials in their order; those of the first engine's and the others' defaults come first. Internal."""

    trials: tuple[Tried, ...]

    @property
    def best(self) -> Tried:
        """The trial with the highest score; ``TrainingDiverged`` if none has one."""
        scored = [(trial.score, -place) for place, trial in enumerate(self.trials) if trial.score is not None]
        if not scored:
            raise TrainingDiverged("every trial left the numbers; look at the records, or give another engine")
        return self.trials[-max(scored)[1]]


def tune(
    config: Config,
    *,
    engines: Sequence[str],
    score: ScoreName,
    trials: int,
    seed: int,
    reporter: Reporter,
    out: Path | None = None,
) -> Tuned:
    """Try settings of the engines; the first trials are their defaults, or what ``config`` says. Writes the
    configuration with the best.

    Settings follow a tree-structured Parzen estimator (Bergstra et al. 2011, NeurIPS 24), by optuna. ``score`` of
    ``task`` is what the first task loses (of classes AUC, of next items hit rate). Raises ``ConfigurationError`` under
    a promise, for several tables, and for an engine or score that there is not.
    """
    if config.privacy is not None:
        raise ConfigurationError(
            f"{config.path}: privacy is declared, and every trial reads records that nobody paid for; tune on a "
            "simulation or public records of the same schema, and write the settings down"
        )
    if out is not None:
        _check_out(config, out)
    declaration = declare(config)
    table = declaration.only
    if score == "task" and not table.tasks:
        raise ConfigurationError(f"{config.path}: the score is that of a task, and there is none; declare tasks")
    own = config.engines["default"]
    defaults = {
        name: own if name == engine_name(own) else engine_config("default", {"name": name}, config.path, private=False)
        for name in engines
    }
    target = config.path.parent / f"{config.path.stem}.tuning"
    with workspace(target) as work, charged(config, None, run="tune") as charge:
        scratch = Scratch(work, config.memory)
        train = read_records(config, declaration, charge.key, scratch, reporter)[table.name].train
        learned, held = _split(train, seed)
        trial = _trial(config, declaration, learned, held, score, scratch, seed)
        tuned = _search(defaults, trial, trials, seed, reporter)
    if out is not None:
        _write(config, tuned.best, out)
    return tuned


def _search(
    defaults: Mapping[str, EngineConfig],
    score: Callable[[EngineConfig], float],
    trials: int,
    seed: int,
    reporter: Reporter,
) -> Tuned:
    if find_spec("optuna") is None:
        raise ConfigurationError("the package optuna is not installed; install simulacra with its extra tune")
    import optuna  # heavy, and an extra

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed % 2**32))
    for name, default in defaults.items():
        study.enqueue_trial({"engine": name, **{f"{name} {key}": value for key, value in _tunable(default).items()}})
    done: list[Tried] = []

    def objective(trial: Trial) -> float:
        name = trial.suggest_categorical("engine", list(defaults))
        settings = _suggested(trial, name, defaults[name])
        try:
            value = score(dataclasses.replace(defaults[name], **settings))  # type: ignore[type-var]
        except TrainingDiverged:
            done.append(Tried(engine=name, settings=settings, score=None))
            raise optuna.TrialPruned from None
        done.append(Tried(engine=name, settings=settings, score=value))
        return value

    with reporter.stage("tuning", trials) as stage:
        study.optimize(objective, n_trials=trials, callbacks=[lambda *_: stage.advance()])
    return Tuned(trials=tuple(done))


def _tunable(config: EngineConfig) -> dict[str, Any]:
    """The settings of an engine that are tried, with their defaults."""
    return {name: getattr(config, name) for name in _FACTORS if hasattr(config, name)}


def _suggested(trial: Trial, engine: str, default: EngineConfig) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for name, value in _tunable(default).items():
        low, high = (value * factor for factor in _FACTORS[name])
        label = f"{engine} {name}"
        if isinstance(value, int) and name != "epochs":
            settings[name] = trial.suggest_int(label, max(1, round(low)), round(high), log=True)
        else:
            settings[name] = trial.suggest_float(label, low, high, log=True)
    return settings


def _split(train: Units, seed: int) -> tuple[UnitFrame, UnitFrame]:
    """The units that trials learn from, and those that judge them."""
    order = numpy_generator(seed, "tuning").permutation(len(train))
    rows = np.cumsum(train.rows_per_unit[order])
    order = order[: max(40, int(np.searchsorted(rows, _ROWS, side="right")))]
    held = max(20, round(_VALIDATION * len(order)))
    return train.take(np.sort(order[held:])), train.take(np.sort(order[:held]))


def _trial(
    config: Config,
    declaration: Declaration,
    learned: UnitFrame,
    held: UnitFrame,
    score: ScoreName,
    scratch: Scratch,
    seed: int,
) -> Callable[[EngineConfig], float]:
    """What fits an engine with some settings, samples from it, and scores the sample against the held-back units."""
    table, silent = declaration.only, SilentReporter()

    def value(settings: EngineConfig) -> float:
        tried = dataclasses.replace(config, engines={"default": settings}, seed=derive(seed, "trial"))
        model = fit_model(tried, declaration, {table.name: learned}, Charge(key=b""), scratch, silent).model
        frames = list(model.frames(len(learned), seed=derive(seed, "sample"), reporter=silent))
        made = by_unit(table.table, pd.concat(frames, ignore_index=True))
        compared = Comparison(table.table, learned, held, made, Effort())
        if score == "task":
            return -task_score(compared, table.tasks[0], seed=seed).value
        if score == "pair agreement":
            # Against units that were not learned from: copying gains nothing.
            apart = Comparison(table.table, held, learned, made, Effort())
            return pair_agreement(apart, seed=seed).value
        return -abs(two_sample_auc(compared, seed=seed).value - 0.5)

    return value


def _check_out(config: Config, out: Path) -> None:
    if out.exists():
        raise OutputError(f"{out}: this exists already; choose another file, or remove it first")
    if out.absolute().parent != config.path.absolute().parent:
        raise ConfigurationError(
            f"--out is {out}; the paths in a configuration start from its folder, so write it beside {config.path}"
        )


def _write(config: Config, best: Tried, out: Path) -> None:
    """The configuration with the best engine in place of its own."""
    content = {**config.written, "engine": {"default": {"name": best.engine, **best.settings}}}
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    with writing(out):
        building = out.with_name(f".{out.name}.{os.getpid()}")
        building.write_text(text, encoding="utf-8")
        building.replace(out)


def engine_names(config: Config, text: str | None) -> list[str]:
    """Engines as an option names them; without it the configuration's own."""
    if text is None:
        return [engine_name(config.engines["default"])]
    names = [name.strip() for name in text.split(",")]
    if "" in names or len(set(names)) != len(names):
        raise ConfigurationError(f"--engines is {text!r}; name each engine once, such as sequence,vae")
    return names
