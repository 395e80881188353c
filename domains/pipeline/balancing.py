"""Synthetic corpora with a chosen mix of classes, or with equal rates across groups, from a model alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from domains.pipeline.mixing import checked_classes, class_column, exact_counts, with_classes
from domains.pipeline.model import Model
from domains.pipeline.sampling import prepare, sample_to
from evaluation.comparison import Comparison
from evaluation.effort import Effort
from evaluation.fidelity.pair_agreement import pair_agreement
from shared.corpus.schema import Table
from shared.corpus.units import by_unit
from shared.corpus.values import to_text
from shared.errors import ConfigurationError
from shared.randomness import derive, numpy_generator
from shared.training.reporter import Reporter

_JUDGED = 20_000  # units that the cost is measured on


@dataclass(frozen=True, kw_only=True)
class EqualRate:
    """Equal rates of the ``positive`` values of ``column`` in every group of the column ``across``."""

    column: str
    positive: tuple[str, ...]
    across: str


@dataclass(frozen=True, kw_only=True)
class Balanced:
    """What was written. ``agreement`` with an unbalanced sample of the same model, and ``without`` of two such samples.

    ``rates``: of the positive values in each group, in an unbalanced sample and in what was written.
    """

    rows: Mapping[str, int]
    agreement: float
    without: float
    rates: Mapping[str, tuple[float, float]]

    @property
    def cost(self) -> float:
        """Pair agreement lost."""
        return self.without - self.agreement


def balance_to(
    model: Model,
    folder: Path,
    out: Path | str,
    *,
    units: int,
    wanted: Mapping[str, Mapping[str, float]] | EqualRate,
    seed: int,
    reporter: Reporter,
    replace: bool = False,
) -> Balanced:
    """Write ``units`` units: ``wanted`` is a mix by column (one column), or an equal rate.

    Each class is drawn from the model's distribution given the class; what balance costs is measured against the
    model's own samples, so no record is touched. Raises ``ConfigurationError`` for classes that cannot be chosen.
    """
    usual = _usual(model, min(units, _JUDGED), derive(seed, "usual"), reporter)
    if isinstance(wanted, EqualRate):
        base = usual if units <= _JUDGED else _usual(model, units, derive(seed, "groups"), reporter)
        classes = equal_rate_classes(model, base, wanted, seed=seed)
    else:
        classes = _mixed(model, units, wanted)
    conditions, count = with_classes(model, classes, seed=seed)
    prepare(model, folder, conditions, count, reporter, internal=False)
    rows = sample_to(model, count, out, seed=seed, reporter=reporter, replace=replace, conditions=conditions)
    judged = model.frames(count, seed=seed, reporter=reporter, conditions=conditions)
    made = pd.concat(list(judged), ignore_index=True)
    again = _usual(model, len(_firsts(usual, model.only.table)), derive(seed, "again"), reporter)
    score = pair_agreement(_compared(model.only.table, usual, again, made), seed=seed)
    rates = _rates(model, usual, made, wanted) if isinstance(wanted, EqualRate) else {}
    return Balanced(rows=rows, agreement=score.value, without=score.baseline, rates=rates)


def equal_rate_classes(model: Model, base: pd.DataFrame, wanted: EqualRate, *, seed: int) -> dict[str, list[str]]:
    """Classes of as many units as ``base`` has: its groups as they are, and in each the overall rate of positives.

    Which positive and which negative value a unit gets follows ``base``. Raises ``ConfigurationError`` where every
    value is positive, or none.
    """
    class_column(model, wanted.column)
    class_column(model, wanted.across)
    checked_classes(model, wanted.column, wanted.positive)
    firsts = _firsts(base, model.only.table)
    firsts = firsts[firsts[wanted.column].notna() & firsts[wanted.across].notna()]
    words, groups = to_text(firsts[wanted.column]), to_text(firsts[wanted.across])
    positive = words.isin(wanted.positive).to_numpy(dtype=bool)
    if positive.all() or not positive.any():
        raise ConfigurationError(
            f"{wanted.column!r} is {'always' if positive.all() else 'never'} one of {', '.join(wanted.positive)}; an "
            "equal rate needs values of both kinds"
        )
    random = numpy_generator(seed, "equal rate")
    classes: dict[str, list[str]] = {wanted.column: [], wanted.across: []}
    for group, size in groups.value_counts().items():
        counts = exact_counts(int(size), {"positive": float(positive.mean()), "negative": float(1 - positive.mean())})
        for kind, mask in (("positive", positive), ("negative", ~positive)):
            chosen = random.choice(words[mask].to_numpy(dtype=object), counts[kind])
            classes[wanted.column] += chosen.tolist()
            classes[wanted.across] += [str(group)] * counts[kind]
    return classes


def _mixed(model: Model, units: int, wanted: Mapping[str, Mapping[str, float]]) -> dict[str, list[str]]:
    ((column, mix),) = wanted.items()
    class_column(model, column)
    checked_classes(model, column, list(mix))
    return {column: [word for word, count in exact_counts(units, mix).items() for _ in range(count)]}


def _usual(model: Model, units: int, seed: int, reporter: Reporter) -> pd.DataFrame:
    return pd.concat(list(model.frames(units, seed=seed, reporter=reporter)), ignore_index=True)


def _compared(table: Table, usual: pd.DataFrame, again: pd.DataFrame, made: pd.DataFrame) -> Comparison:
    train, holdout, synthetic = (by_unit(table, frame) for frame in (usual, again, made))
    return Comparison(table, train, holdout, synthetic, Effort())


def _rates(model: Model, usual: pd.DataFrame, made: pd.DataFrame, wanted: EqualRate) -> dict[str, tuple[float, float]]:
    before, after = (rates_of(_firsts(frame, model.only.table), wanted) for frame in (usual, made))
    return {group: (before.get(group, float("nan")), rate) for group, rate in after.items()}


def rates_of(frame: pd.DataFrame, wanted: EqualRate) -> dict[str, float]:
    """The rate of positive values in each group, one unit a row."""
    positive = to_text(frame[wanted.column]).isin(wanted.positive).astype(float)
    return {str(group): float(rate) for group, rate in positive.groupby(to_text(frame[wanted.across])).mean().items()}


def _firsts(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    return frame if table.unit is None else frame.drop_duplicates(table.unit)


def positives(text: str) -> tuple[str, tuple[str, ...]]:
    """``COLUMN=VALUE`` or ``COLUMN=VALUE|VALUE`` of an option; raises ``ConfigurationError``."""
    column, sign, values = text.partition("=")
    named: Sequence[str] = [value.strip() for value in values.split("|")]
    if not sign or not column.strip() or not all(named):
        raise ConfigurationError(f"--equal-rate is {text!r}; write COLUMN=VALUE, or COLUMN=VALUE|VALUE for several")
    return column.strip(), tuple(named)
