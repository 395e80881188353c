"""Run, resume and print the comparison.

Usage: python -m benchmarks.tabular [--data adult,diabetes130] [--contenders ours,copula,…] [--cap SECONDS] [--out DIR]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from benchmarks.tabular.contenders import CONTENDERS, scorer_version
from benchmarks.tabular.data import ROOT, RUNS, DataSet, read_data
from benchmarks.tabular.repeats import results_of
from benchmarks.tabular.results import Result, kept_or_made
from benchmarks.tabular.scoring import ceiling
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
            rows.append(Row(contender.title, results_of(contender, data, contender.seeds[data.name], arguments.cap)))
        tables[name] = rows
    for name, rows in tables.items():
        print(f"\n{RUNS[name]}.")
        print_table(rows, arguments.cap)
    print_targets(tables)


def _ceiling(data: DataSet) -> Result:
    path = data.folder / "ceiling.json"
    key = f"{data.digest} {scorer_version()}"

    def nothing(rows: Path) -> dict[str, str]:
        rows.touch()
        return {"note": "held out against train; see scoring.py"}

    return kept_or_made(path, run_key=key, score_key=key, make=nothing, score=lambda _: ceiling(data, 0))


if __name__ == "__main__":
    main()
