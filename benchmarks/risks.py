"""Singling out, linkability and inference where the truth is known; run with `make bench-risks`.

Units are dealt at random into three parts of equal size: train, holdout and what is called synthetic, which is as
real and independent of the other two. A share of the synthetic units is replaced by copies of train units with all
their rows. Without copies every interval has to cover zero, with 5 % and 15 % every lower limit has to lie above zero:
in each of 20 repetitions, each a fresh deal.

Attacks, effort and intervals are those of a release. Their level is declared in `evaluation/leakage/risk.py`: that
some of the 60 intervals of a population without copies (20 repetitions, three risks) misses zero by luck alone has a
probability of at most 5 % (Bonferroni), and of the three judged populations together at most 15 %. So wide an interval
could hide a bias: beside it stands how many intervals of single attacks cover zero at 95 %. Populations that are
not judged tell from how many units on 5 % are found, and what becomes of copies that are not exact.

Exit code 1 if a repetition of a judged population misses. `--only NAME …` runs some. Times are CPU-seconds on one
thread.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.adult import DATA, ROOT
from benchmarks.tabular.data import example, in_memory
from domains.medical.domain import MedicalDomain
from domains.medical.simulator import hospital_schema
from domains.pipeline.declaring import declare
from evaluation.comparison import Comparison
from evaluation.leakage.inference import inference
from evaluation.leakage.linkability import linkability
from evaluation.leakage.risk import SERIES
from evaluation.leakage.singling_out import singling_out
from evaluation.score import Score
from shared.corpus.reading import read_corpus
from shared.corpus.schema_file import read_schema
from shared.corpus.units import UnitFrame, by_unit
from shared.randomness import numpy_generator
from shared.training.reporter import SilentReporter

RISKS: Mapping[str, Callable[..., Score]] = {
    "singling out": singling_out,
    "linkability": linkability,
    "inference": inference,
}
SHARES = (0.0, 0.05, 0.15)
FEW = (0.0, 0.05)
PATIENTS = 6_000
HEADS = (
    "risk",
    "copies",
    "lower limit > 0",
    "covers 0",
    "at 95 %: single attacks that cover 0",
    "estimate",
    "mean interval",
    "train / holdout / naive",
    "CPU-s",
)


@dataclass(frozen=True)
class Population:
    """Units to deal into parts of ``part`` units; ``judged``: whether a miss makes the run fail.

    ``changed``: so many values of each copied row, in columns at random, are those of other rows.
    """

    name: str
    part: int
    units: Callable[[], UnitFrame]
    judged: bool = False
    shares: tuple[float, ...] = SHARES
    changed: int = 0


@dataclass(frozen=True)
class Found:
    """One risk of one repetition."""

    score: Score
    seconds: float

    @property
    def attack(self) -> Mapping[str, float]:
        """The rates of the attack that the score reports."""
        return self.score.detail["attacks"][self.score.detail["attack"]]

    @property
    def low(self) -> float:
        return self.score.interval[0]

    @property
    def covers(self) -> bool:
        return self.score.interval[0] <= 0.0 <= self.score.interval[1]

    def ordinary(self) -> list[bool]:
        """Of each attack, whether its interval at 95 % covers zero."""
        ends = [found["interval_95"] for found in self.score.detail["attacks"].values()]
        return [low <= 0.0 <= high for low, high in ends]


def dealt(units: UnitFrame, population: Population, share: float, seed: int) -> Comparison:
    """Three parts of as many units, and copies of train units in place of a share of the synthetic ones."""
    part, random = population.part, numpy_generator(seed, "bench-risks")
    train, holdout, others = random.permutation(len(units))[: 3 * part].reshape(3, part)
    copies = round(share * part)
    copied = blurred(units.take(train[:copies]), population.changed, random)
    rows = pd.concat([copied, units.take(others[copies:]).frame], ignore_index=True)
    synthetic = by_unit(units.table, rows).take(random.permutation(part))
    return Comparison(units.table, units.take(np.sort(train)), units.take(np.sort(holdout)), synthetic)


def blurred(units: UnitFrame, changed: int, random: np.random.Generator) -> pd.DataFrame:
    """The rows of units, so many of whose values, in columns at random, are those of other rows."""
    frame = units.frame.copy()
    columns = [column.name for column in units.table.columns if column.name != units.table.unit]
    chosen = random.random((len(frame), len(columns))).argsort(axis=1) < changed
    for name, places in zip(columns, chosen.T, strict=True):
        strangers = frame[name].iloc[random.permutation(len(frame))].reset_index(drop=True)
        frame[name] = frame[name].reset_index(drop=True).mask(places, strangers)
    return frame


def adult(left_out: Sequence[str] = ()) -> UnitFrame:
    """Both files of Adult, 48,842 people, without some columns."""
    schema = read_schema(ROOT / "examples/tabular/adult.schema.yaml")
    table = schema.tables[0]
    files = [read_corpus(schema, DATA / f"adult-{part}.csv.gz").tables[table.name] for part in ("train", "test")]
    columns = tuple(column for column in table.columns if column.name not in left_out)
    frame = pd.concat(files, ignore_index=True)[[column.name for column in columns]]
    return by_unit(replace(table, columns=columns), frame)


def hospital() -> UnitFrame:
    """Patients of the simulated hospital, each with the rows of all encounters."""
    domain, table = MedicalDomain(), hospital_schema().tables[0]
    corpus = domain.prepare(domain.simulate(PATIENTS, seed=0, reporter=SilentReporter()))
    return by_unit(table, corpus.tables[table.name])


def diabetes() -> UnitFrame:
    """Patients of diabetes130, 71,518, each with the rows of all encounters."""
    config = example("diabetes130")
    assert config.source.path is not None
    with tempfile.TemporaryDirectory() as folder:
        return in_memory(config.source.path, declare(config), Path(folder))


POPULATIONS = (
    Population("adult", 16_280, adult, judged=True),
    Population("hospital", 2_000, hospital, judged=True),
    Population("diabetes130", 5_000, diabetes, judged=True),
    *(Population(f"adult, {part:,} units", part, adult, shares=FEW) for part in (500, 1_000, 2_000)),
    *(Population(f"hospital, {part:,} units", part, hospital, shares=FEW) for part in (500, 1_000)),
    Population("adult without fnlwgt", 16_280, lambda: adult(["fnlwgt"])),
    Population("adult, copies with 3 of 15 values changed", 16_280, adult, shares=SHARES[1:], changed=3),
)


def repetitions(population: Population) -> Iterator[tuple[float, Mapping[str, Found]]]:
    """Each share and repetition, with what was found of each risk."""
    units = population.units()
    for share in population.shares:
        for seed in range(SERIES):
            data = dealt(units, population, share, seed)
            data.records  # noqa: B018  encoded once for the three risks, 0.1 to 0.2 seconds
            yield share, {name: measured(measure, data, seed) for name, measure in RISKS.items()}


def measured(measure: Callable[..., Score], data: Comparison, seed: int) -> Found:
    start = time.process_time()
    return Found(measure(data, seed=seed), time.process_time() - start)


_MEANS: tuple[Callable[[Found], float], ...] = (
    lambda one: one.low,
    lambda one: one.score.interval[1],
    lambda one: one.score.value,
)


def line(name: str, share: float, found: Sequence[Found]) -> tuple[str, ...]:
    """One line of the table: counts of repetitions, and means over them."""
    low, high, estimate = (np.mean([value(one) for one in found]) for value in _MEANS)
    rates = [np.mean([one.attack[rate] for one in found]) for rate in ("rate", "control", "naive")]
    covered = [covers for one in found for covers in one.ordinary()]
    return (
        name,
        f"{share:.0%}",
        f"{sum(one.low > 0 for one in found)} of {len(found)}",
        f"{sum(one.covers for one in found)} of {len(found)}",
        "" if share else f"{sum(covered)} of {len(covered)}",
        f"{estimate:.4f}",
        f"[{low:.4f}, {high:.4f}]",
        " / ".join(f"{rate:.3f}" for rate in rates),
        f"{np.mean([one.seconds for one in found]):.1f}",
    )


def missed(share: float, found: Sequence[Found]) -> int:
    """Repetitions that do not say what is true."""
    return sum(one.low <= 0 if share else not one.covers for one in found)


def run(population: Population) -> int:
    """Print the table of a population; the number of repetitions, over the risks, that miss."""
    head = f"{population.name}: {population.part:,} units in each part, {SERIES} repetitions"
    print(f"\n{head}{'' if population.judged else ', not judged'}\n\n| {' | '.join(HEADS)} |", flush=True)
    print(f"|{'---|' * len(HEADS)}")
    collected: dict[tuple[float, str], list[Found]] = {}
    for share, found in repetitions(population):
        for name, one in found.items():
            collected.setdefault((share, name), []).append(one)
        if len(collected[share, name]) == SERIES:
            for name in RISKS:
                print(f"| {' | '.join(line(name, share, collected[share, name]))} |", flush=True)
    return sum(missed(share, found) for (share, _), found in collected.items())


def main() -> int:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description="The three risks where the truth is known.")
    names = [population.name for population in POPULATIONS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help="; ".join(names))
    chosen = parser.parse_args().only
    misses = {each.name: run(each) for each in POPULATIONS if each.name in chosen}
    failed = {each.name: misses[each.name] for each in POPULATIONS if each.judged and misses.get(each.name)}
    print("\n" + (f"MISSED: {failed}" if failed else "every repetition of the judged populations says what is true"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
