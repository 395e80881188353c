"""Run, resume and print the comparison of histories.

Usage: python -m benchmarks.histories [--data diabetes130,sgd] [--contenders ours,par] [--cap SECONDS] [--out DIR]
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.histories.contenders import CONTENDERS, Contender, run, run_version, scorer_version
from benchmarks.histories.data import ROOT, RUNS, DataSet, read_data, units_of
from benchmarks.histories.scoring import LOWER_IS_BETTER, scores
from benchmarks.tabular.results import Result, kept_or_made

CAP = 1800.0
FASTER = 10.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=",".join(RUNS))
    parser.add_argument("--contenders", default=",".join(contender.name for contender in CONTENDERS))
    parser.add_argument("--cap", type=float, default=CAP, help="CPU-seconds that the fit of a peer may take")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "bench-histories")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    chosen = [contender for contender in CONTENDERS if contender.name in arguments.contenders.split(",")]
    for name in arguments.data.split(","):
        data = read_data(name, arguments.out / name)
        results = {contender: _results(contender, data, arguments.cap) for contender in chosen}
        print(f"\n{RUNS[name]}. {len(data.train):,} units to learn from, {len(data.holdout):,} to judge by.")
        print(f"Peers are capped at {arguments.cap / 60:g} CPU-minutes.\n")
        _print(_ceiling(data), results)


def _results(contender: Contender, data: DataSet, cap: float) -> list[Result]:
    results = []
    for seed in range(contender.seeds):
        print(f"{data.name}: {contender.title}, seed {seed} …", flush=True)
        result = kept_or_made(
            data.folder / f"{contender.name}-{seed}.json",
            run_key=f"{run_version(contender)} {data.digest} {'' if contender.environment is None else f'{cap:g}'}",
            score_key=scorer_version(),
            make=partial(run, contender, data, seed=seed, cap=cap),
            score=partial(_scores, data, seed),
        )
        print(f"    {'resumed: ' if result.resumed else ''}{result.measured} {result.scores}", flush=True)
        results.append(result)
    return results


def _scores(data: DataSet, seed: int, rows: Path) -> dict[str, float]:
    return scores(data, units_of(rows, data.table), seed)


def _ceiling(data: DataSet) -> Result:
    key = f"{data.digest} {scorer_version()}"

    def nothing(rows: Path) -> dict[str, str]:
        rows.touch()
        return {"note": "the half that is learned from"}

    score = partial(scores, data, data.train, 0)
    return kept_or_made(data.folder / "ceiling.json", run_key=key, score_key=key, make=nothing, score=lambda _: score())


def _print(ceiling: Result, results: dict[Contender, list[Result]]) -> None:
    """A row a score: the ceiling, the mean of each contender's seeds, and whether ours is better."""
    titles = ["real half"] + [f"{contender.title} ({len(found)})" for contender, found in results.items()]
    print(f"{'':36}" + "".join(f"{title:>24}" for title in titles))
    means = {
        contender.name: {
            name: float(np.mean([result.scores[name] for result in found if not result.failed]))
            for name in ceiling.scores
            if any(not result.failed for result in found)
        }
        for contender, found in results.items()
    }
    for name, best in ceiling.scores.items():
        values = [best, *(means[contender.name].get(name, float("nan")) for contender in results)]
        print(f"{name:36}" + "".join(f"{value:24.3f}" for value in values) + _verdict(name, means))
    fits = {contender.name: [r.measured["fit"] for r in found if not r.failed] for contender, found in results.items()}
    print(
        f"{'fit, CPU-seconds':36}{'':24}" + "".join(f"{np.mean(fit) if fit else np.nan:24.1f}" for fit in fits.values())
    )
    for contender, found in results.items():
        print(f"{contender.title}: {found[0].failed or found[0].measured.get('note', '')}")
    if fits.get("ours") and fits.get("par"):
        ratio = float(np.mean(fits["par"]) / np.mean(fits["ours"]))
        print(f"ours fits {ratio:.1f} times faster; asked for: {FASTER:g} {'✓' if ratio >= FASTER else '✗'}")


def _verdict(name: str, means: dict[str, dict[str, float]]) -> str:
    ours, peer = means.get("ours", {}).get(name), means.get("par", {}).get(name)
    if ours is None or peer is None:
        return ""
    return "  ✓" if (ours < peer if name in LOWER_IS_BETTER else ours > peer) else "  ✗"


if __name__ == "__main__":
    main()
