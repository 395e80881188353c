"""Inference: do the synthetic rows give away a value to someone who knows all the others of a person?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.comparison import Comparison, Part
from evaluation.leakage.risk import Attack, Hits, Targets, draw_targets, measured, references_for, risk_score
from evaluation.records import Records, chunks
from evaluation.score import Score
from evaluation.statistics import Z
from shared.randomness import numpy_generator

ROWS_OF_UNIT = 4
TOLERANCE = 0.025  # of a number's rank: a guess is right within five percent of the rows
SURE = 0.98
REHEARSED = 1_000  # synthetic rows on which the attacker learns how sure is sure
_CLOSE = 1e-3  # distance below which rows count as equal: rounding, and values a hair apart
ATTACKS = ("all guesses", "surest guesses")


@dataclass(frozen=True, eq=False)
class Guesses:
    """For each secret and row: the synthetic row whose value is guessed, and how sure that is; ``(secrets, rows)``."""

    source: NDArray[np.int64]
    sureness: NDArray[np.float64]


def inference(data: Comparison, *, seed: int) -> Score:
    """Units of which a secret value is guessed from all the others: that of the nearest synthetic row.

    Each column in turn is the secret (of more than ``effort.secrets``, so many at random); a unit counts with
    the share of its secrets that are guessed. A guess is as sure as the nearest row is nearer than the
    second nearest, and of a unit's rows the surest guess is made. *Surest guesses*: only where a guess is surer than
    98 % of those that the attacker makes about synthetic rows, as a rehearsal; not to guess is no success. The naive
    attacker guesses where this one does, the value of a synthetic row at random. ``detail["attacks"]``
    has the same by column, with intervals at 95 %.
    """
    random = numpy_generator(seed, "inference")
    secrets = np.sort(random.permutation(len(data.names))[: data.effort.secrets])
    targets = draw_targets(data, data.effort.inferred_units, seed=seed, consumer="inference", rows_of_unit=ROWS_OF_UNIT)
    references = references_for(data, targets, seed=seed, consumer="inference")
    needed = _rehearsed(data, references, secrets, random)
    strangers = random.integers(0, len(data.synthetic.frame), len(targets["holdout"].rows))
    guessed = {part: _guessed(data.records, part, units.rows, references, secrets) for part, units in targets.items()}
    train = _hits(data.records, "train", targets["train"], guessed["train"], secrets, needed)
    control = _hits(data.records, "holdout", targets["holdout"], guessed["holdout"], secrets, needed)
    blind = Guesses(np.broadcast_to(strangers, guessed["holdout"].source.shape), guessed["holdout"].sureness)
    naive = _hits(data.records, "holdout", targets["holdout"], blind, secrets, needed)
    names = [data.names[secret] for secret in secrets]
    attacks = [_attack(name, names, train[name], control[name], naive[name]) for name in ATTACKS]
    return risk_score("inference", attacks)


def _attack(name: str, secrets: list[str], train: Hits, control: Hits, naive: Hits) -> Attack:
    """From hits of shape ``(secrets, units)``: a unit counts with the mean over the secrets."""
    columns: dict[str, Any] = {
        secret: measured(train[place], control[place], naive[place], Z) for place, secret in enumerate(secrets)
    }
    return Attack(name, train.mean(0), control.mean(0), naive.mean(0), {"columns": columns})


def _hits(
    records: Records,
    part: Part,
    targets: Targets,
    guesses: Guesses,
    secrets: NDArray[np.int64],
    needed: NDArray[np.float64],
) -> dict[str, Hits]:
    """For each attack, 1 where the one guess about a unit is made and right, shape ``(secrets, units)``."""
    hits = {name: np.zeros((len(secrets), targets.units)) for name in ATTACKS}
    for place, secret in enumerate(secrets):
        surest = _surest(guesses.sureness[place], targets)
        right = _right(records, part, targets.rows[surest], int(secret), guesses.source[place, surest])
        hits["all guesses"][place] = right
        hits["surest guesses"][place] = right & (guesses.sureness[place, surest] >= needed[place])
    return hits


def _surest(sureness: NDArray[np.float64], targets: Targets) -> NDArray[np.int64]:
    """Index of the row of each unit about which the guess is surest, shape ``(units,)``."""
    order = np.lexsort((-sureness, targets.unit))
    unit = targets.unit[order]
    return order[np.concatenate([[True], unit[1:] != unit[:-1]])]


def _right(
    records: Records, part: Part, rows: NDArray[np.int64], secret: int, source: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether the value of the synthetic row is that of the row; numbers within ``TOLERANCE``."""
    same = records.values[part][secret, rows] == records.values["synthetic"][secret, source]
    if not records.numeric[secret]:
        return same
    apart = records.ranks[part][secret, rows] - records.ranks["synthetic"][secret, source]
    return same | (np.abs(apart) <= TOLERANCE)


def _rehearsed(
    data: Comparison, references: NDArray[np.int64], secrets: NDArray[np.int64], random: np.random.Generator
) -> NDArray[np.float64]:
    """How sure a guess about each secret must be, shape ``(secrets,)``, as guesses about synthetic rows tell."""
    own = data.unit_of_row["synthetic"]
    rows = np.sort(random.permutation(len(own))[:REHEARSED])
    units = (own[rows], own[references])
    sureness = _guessed(data.records, "synthetic", rows, references, secrets, units).sureness
    return np.quantile(sureness, SURE, axis=1, method="higher")


def _guessed(
    records: Records,
    part: Part,
    rows: NDArray[np.int64],
    references: NDArray[np.int64],
    secrets: NDArray[np.int64],
    units: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
) -> Guesses:
    """The guesses about rows of a part; with ``units`` of rows and references no unit tells about itself."""
    source = np.empty((len(secrets), len(rows)), dtype=np.int64)
    sureness = np.empty((len(secrets), len(rows)))
    for some in chunks(len(rows), len(references)):
        mine = rows[some]
        every = np.zeros((len(mine), len(references)), dtype=np.float32)
        of_secret = {}
        for column in range(len(records.numeric)):
            apart = records.distances(part, mine, references, column)
            every += apart
            if column in secrets:
                of_secret[column] = apart
        if units is not None:
            every[units[0][some, None] == units[1]] = np.inf
        for place, secret in enumerate(secrets):
            known = np.subtract(every, of_secret[secret], out=of_secret[secret])
            nearest, first, second = _two_nearest(known)
            source[place, some] = references[nearest]
            sureness[place, some] = np.log(np.maximum(second, 0) + _CLOSE) - np.log(np.maximum(first, 0) + _CLOSE)
    return Guesses(source, sureness)


def _two_nearest(apart: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    """Index of the nearest reference of each row, and how far it and the second nearest are; ``apart`` is changed."""
    lines = np.arange(len(apart))
    nearest = apart.argmin(axis=1)
    first = apart[lines, nearest]
    apart[lines, nearest] = np.inf
    return nearest, first, apart.min(axis=1)
