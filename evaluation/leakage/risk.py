"""What the three risks that regulators name have in common: targets, rates, and what an attack adds to luck.

The Article 29 Working Party (Opinion 05/2014 on anonymisation techniques, WP 216) asks of a data set whether it
lets someone single out a person, link records of a person, or infer what was not known. Each attack here uses
the synthetic rows against units of train (targets) and, in the same way, against as many units of the
holdout (controls), about whom the synthetic rows can know nothing but what is true of the population. The risk is
what the first gives beyond the second, as a share of what it could have given (Giomi et al. 2023, PoPETs 2023(2),
arXiv:2211.10459): R = (r - r_control) / (1 - r_control).

Given the synthetic rows, targets and controls are exchangeable if nothing leaks. What is counted are units,
whatever number of rows they have. So the interval holds for any attack, however it came by its guesses from
the synthetic rows, and for synthetic rows of any origin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from evaluation.comparison import Comparison, Part
from evaluation.score import Score
from evaluation.statistics import Z, relative_excess
from shared.randomness import numpy_generator

RISKS = 3
SERIES = 20
CONFIDENCE = 1 - 0.05 / (RISKS * SERIES)
_ENOUGH = 50  # units with some success, from which on their variance is estimated and not bounded
_NO_SPREAD = 1e-12  # variance that is nothing but rounding
Hits = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Attack:
    """How one attack fared: ``train``, ``control`` and ``naive``, each of shape ``(units,)``, 1 for a success.

    A number between 0 and 1 is the share of several attempts on one unit. ``naive``: the controls, attacked by
    someone without the synthetic rows, or without what ties their columns together.
    """

    name: str
    train: Hits
    control: Hits
    naive: Hits
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Targets:
    """Rows of ``units`` units of a part: ``rows`` index the part's rows, ``unit`` says whose they are, from 0 on."""

    rows: NDArray[np.int64]
    unit: NDArray[np.int64]
    units: int

    def of_units(self, hit: NDArray[np.bool_]) -> Hits:
        """1 for each unit of which some row was hit, shape ``(units,)``; ``hit`` has shape ``(rows,)``."""
        found = np.zeros(self.units)
        found[self.unit[hit]] = 1.0
        return found


def draw_targets(
    data: Comparison, most: int, *, seed: int, consumer: str, rows_of_unit: int | None = None
) -> dict[Part, Targets]:
    """Equally many units of train and of the holdout, at most ``most``, and at most ``rows_of_unit`` rows of each."""
    count = min(most, len(data.train), len(data.holdout))
    return {part: _targets(data, part, count, seed, consumer, rows_of_unit) for part in ("train", "holdout")}


def _targets(data: Comparison, part: Part, count: int, seed: int, consumer: str, most: int | None) -> Targets:
    random = numpy_generator(seed, consumer, part)
    frame = data.part(part)
    chosen = np.sort(random.permutation(len(frame))[:count])
    lengths = frame.rows_per_unit[chosen]
    first = np.repeat(np.cumsum(lengths) - lengths, lengths)
    unit = np.repeat(np.arange(count), lengths)
    place = np.arange(len(unit)) - first
    rows = np.repeat(frame.offsets[:-1][chosen], lengths) + place
    if most is not None and lengths.max(initial=0) > most:
        order = np.lexsort((random.random(len(unit)), unit))
        kept = np.sort(order[place < most])
        rows, unit = rows[kept], unit[kept]
    return Targets(rows, unit, count)


def references_for(data: Comparison, targets: Mapping[Part, Targets], *, seed: int, consumer: str) -> NDArray[np.int64]:
    """Synthetic rows among which neighbours are sought: a sample, and all that equal an attacked row."""
    attacked = np.concatenate([data.records.keys(part)[units.rows] for part, units in targets.items()])
    same = np.flatnonzero(np.isin(data.records.keys("synthetic"), attacked))
    return np.union1d(data.sample_rows("synthetic", data.effort.references, seed=seed, consumer=consumer), same)


def risk_score(name: str, attacks: Sequence[Attack], **detail: Any) -> Score:
    """The risk by the attack that proves most; the interval pays for the choice among them.

    Its level is ``detail["confidence"]``, far above 95 %, so that the three risks of twenty releases that leak
    nothing raise no false alarm among them in 95 of 100 such series (Bonferroni: 0.05 over 60 intervals, and over the
    attacks of each). ``detail["attacks"]`` has the risk, its interval and the three rates of each attack, and what its
    interval would be at 95 %, were it the only look.
    """
    z = float(norm.ppf(1 - (1 - CONFIDENCE) / 2 / len(attacks)))
    shown = {
        attack.name: {
            **measured(attack.train, attack.control, attack.naive, z),
            "interval_95": measured(attack.train, attack.control, attack.naive, Z)["interval"],
            **attack.detail,
        }
        for attack in attacks
    }
    best = max(shown, key=lambda key: shown[key]["interval"][0])
    low, high = shown[best]["interval"]
    return Score(
        name=name,
        value=shown[best]["risk"],
        interval=(low, high),
        baseline=0.0,
        better="lower",
        gate_on="lower",
        detail={
            "attack": best,
            "attacks": shown,
            "targets": len(attacks[0].train),
            "confidence": CONFIDENCE,
            **detail,
        },
    )


def measured(train: Hits, control: Hits, naive: Hits, z: float) -> dict[str, Any]:
    """Risk, its interval and the three rates, from what was hit of each unit."""
    rate, luck = float(train.mean()), float(control.mean())
    risk, interval = relative_excess(rate, luck, _trials(train, control), z=z)
    return {"risk": risk, "interval": list(interval), "rate": rate, "control": luck, "naive": float(naive.mean())}


def _trials(train: Hits, control: Hits) -> float:
    """Coins that vary as little as the units do: their number, or more where a hit is a share of many attempts."""
    if ((train > 0).sum() + (control > 0).sum()) < _ENOUGH:
        return float(len(train))
    # Each side against coins of its own rate: how far the two rates lie apart says nothing about how units vary.
    coins = sum(float(hits.mean() * (1 - hits.mean())) for hits in (train, control))
    within = float(train.var() + control.var())
    return float(len(train)) if within < _NO_SPREAD else len(train) * max(1.0, coins / within)
