"""`gan` beside SDV's CTGAN and `vae` beside SDV's TVAE, at their defaults.

Usage: python -m benchmarks.engines [--data adult,breast-cancer,diabetes130] [--pairs gan,vae] [--cap SECONDS]
    [--alone] [--out DIR]
With --alone no peer is run and nothing is compared. What is kept under --out from the same versions is not run again,
peers of `bench-tabular` included.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.engines.data import RUNS, data_of
from benchmarks.tabular.contenders import Contender
from benchmarks.tabular.data import ROOT, DataSet
from benchmarks.tabular.repeats import results_of
from benchmarks.tabular.scoring import HIGHER_IS_BETTER
from benchmarks.tabular.table import Row, print_table

CAP = 1800.0
SEEDS, MOST_NEIGHBOURS, FASTER = 3, 0.52, 4
BETTER = ("pair agreement", "TSTR AUC", "two-sample AUC")
PAIRS = {"gan": ("ctgan", "SDV CTGAN"), "vae": ("tvae", "SDV TVAE")}


@dataclass(frozen=True, kw_only=True)
class Ours(Contender):
    """One of our engines, on rows as the peers are given them."""

    def command(self, data: DataSet, out: Path, seed: int, cap: float) -> list[str]:
        del cap
        train = str(data.folder / "train.parquet")
        ours = [sys.executable, "-m", "benchmarks.engines.ours", self.name, data.name, str(data.folder), train]
        return [*ours, str(out), str(seed)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=",".join(RUNS))
    parser.add_argument("--pairs", default=",".join(PAIRS))
    parser.add_argument("--cap", type=float, default=CAP, help="CPU-seconds that the fit of a peer may take")
    parser.add_argument("--alone", action="store_true", help="ours without their peers")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "bench-tabular")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    targets: list[tuple[bool, str]] = []
    for name in arguments.data.split(","):
        data = data_of(name, arguments.out / name)
        for ours in arguments.pairs.split(","):
            kind, title = PAIRS[ours]
            own = Row(f"ours, {ours}", results_of(Ours(name=ours, title=ours, seeds={}), data, SEEDS, arguments.cap))
            print(f"\n{RUNS[name]}.")
            if arguments.alone:
                print_table([own], arguments.cap)
                continue
            there = Contender(name=kind, title=title, environment="sdv", script="sdv_table.py", kind=kind, seeds={})
            peer = Row(title, results_of(there, data, 1, arguments.cap))
            print_table([own, peer], arguments.cap)
            targets += _targets(name, own, peer)
    if targets:
        print("\nTargets of ours:")
    for met, what in targets:
        print(f"  {'met   ' if met else 'missed'}  {what}")


def _targets(name: str, own: Row, peer: Row) -> list[tuple[bool, str]]:
    if peer.failed:
        return [(True, f"{name}: {peer.title} gave no result: {peer.failed}")]
    found = []
    for score in BETTER:
        sign = 1 if score in HIGHER_IS_BETTER else -1
        met = sign * own.score(score) > sign * peer.score(score)
        found.append(
            (met, f"{name}: {score} of {own.title} {own.score(score):.4f} ({peer.title} {peer.score(score):.4f})")
        )
    share = own.score("neighbour share")
    found.append(
        (share <= MOST_NEIGHBOURS, f"{name}: neighbour share of {own.title} {share:.4f} (≤ {MOST_NEIGHBOURS})")
    )
    ratio = (peer.measured("fit") or 0.0) / (own.measured("fit") or 1.0)
    found.append((ratio >= FASTER, f"{name}: fit of {own.title} {ratio:.1f} times faster (at least {FASTER})"))
    return found


if __name__ == "__main__":
    main()
