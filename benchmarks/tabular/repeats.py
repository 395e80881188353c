"""One contender on one data set, once a seed; what is kept is not made again."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.tabular.contenders import Contender, run, scorer_version
from benchmarks.tabular.data import DataSet, units_of
from benchmarks.tabular.results import Result, kept_or_made
from benchmarks.tabular.scoring import scores


def results_of(contender: Contender, data: DataSet, seeds: int, cap: float) -> list[Result]:
    """Fit, sample and score with so many seeds; peers are stopped after ``cap`` CPU-seconds."""
    results = []
    for seed in range(seeds):
        print(f"{data.name}: {contender.title.strip()}, seed {seed} …", flush=True)
        result = kept_or_made(
            data.folder / f"{contender.name}-{seed}.json",
            run_key=f"{contender.version()} {data.digest} {'' if contender.environment is None else f'{cap:g}'}",
            score_key=scorer_version(),
            make=partial(_run, contender, data, seed, cap),
            score=partial(_scores, data, seed),
        )
        print(f"    {'resumed: ' if result.resumed else ''}{result.measured} {result.scores}", flush=True)
        results.append(result)
    return results


def _run(contender: Contender, data: DataSet, seed: int, cap: float, rows: Path) -> dict[str, Any]:
    return run(contender, data, rows, seed, cap)


def _scores(data: DataSet, seed: int, rows: Path) -> dict[str, float]:
    return scores(data, units_of(rows, data.declaration.only.table), seed)
