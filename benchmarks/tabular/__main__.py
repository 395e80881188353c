"""Run, resume and print the comparison.

Usage: python -m benchmarks.tabular [--data adult,diabetes130] [--contenders ours,copula,…] [--cap SECONDS] [--out DIR]
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.tabular.contenders import CONTENDERS, Contender, run, scorer_version
from benchmarks.tabular.data import ROOT, RUNS, DataSet, read_data, units_of
from benchmarks.tabular.results import Result, kept_or_made
from benchmarks.tabular.scoring import ceiling, scores
from benchmarks.tabular.table import Row, print_table, print_targets

CAP = 1800.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=",".join(RUNS))
    parser.add_argument("--contenders", default=",".join(contender.name for contender in CONTENDERS))
    parser.add_argument("--cap", type=float, default=CAP, help="CPU-seconds that the fit of a peer may take")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "bench-tabular")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    chosen = [contender for contender in CONTENDERS if contender.name in arguments.contenders.split(",")]
    tables = {}
    for name in arguments.data.split(","):
        data = read_data(name, arguments.out / name)
        rows = [Row(title="real rows (ceiling)", results=[_ceiling(data)])]
        for contender in chosen:
            rows.append(Row(contender.title, _results(contender, data, arguments.cap)))
        tables[name] = rows
    for name, rows in tables.items():
        print(f"\n{RUNS[name]}.")
        print_table(rows, arguments.cap)
    print_targets(tables)


def _results(contender: Contender, data: DataSet, cap: float) -> list[Result]:
    results = []
    for seed in range(contender.seeds[data.name]):
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


def _ceiling(data: DataSet) -> Result:
    path = data.folder / "ceiling.json"
    key = f"{data.digest} {scorer_version()}"

    def nothing(rows: Path) -> dict[str, str]:
        rows.touch()
        return {"note": "held out against train; see scoring.py"}

    return kept_or_made(path, run_key=key, score_key=key, make=nothing, score=lambda _: ceiling(data, 0))


if __name__ == "__main__":
    main()
