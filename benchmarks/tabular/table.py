"""What is printed: a table a data set, with ratios to ours, and whether the targets are met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.tabular.results import Result
from benchmarks.tabular.scoring import HIGHER_IS_BETTER, NAMES

OURS, COPULA, MOSTLY = "ours", "SDV GaussianCopula", "MOSTLY AI engine"
MOST_NEIGHBOURS = 0.515
FASTER_THAN_MOSTLY = 50


@dataclass(frozen=True)
class Row:
    """A contender's results, one a seed; its figures are their means."""

    title: str
    results: Sequence[Result]

    @property
    def failed(self) -> str | None:
        return self.results[0].failed

    def score(self, name: str) -> float:
        return float(np.mean([result.scores[name] for result in self.results]))

    def measured(self, name: str) -> float | None:
        values = [result.measured.get(name) for result in self.results]
        return None if None in values else float(np.mean(values))  # type: ignore[arg-type]

    @property
    def remarks(self) -> str:
        seeds = [f"mean of {len(self.results)} seeds"] if len(self.results) > 1 else []
        resumed = sum(result.resumed for result in self.results)
        kept = [f"{resumed} of {len(self.results)} from an earlier run of this version"] if resumed else []
        if "fit" not in self.results[0].measured:
            kept = []
        return "; ".join(part for part in (str(self.results[0].measured.get("note", "")), *seeds, *kept) if part)


def print_table(rows: Sequence[Row], cap: float) -> None:
    """Scores, then CPU-seconds and memory, each with its ratio to ours."""
    ours = next((row for row in rows if row.title == OURS), None)
    print(f"CPU-seconds on one thread; the fit of a peer is capped at {cap / 60:g} CPU-minutes. (×: of ours)")
    heads = ("", *NAMES, "fit CPU-s", "sample CPU-s", "peak MiB", "")
    lines = [heads, *(_cells(row, ours) for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(heads))]
    for line in lines:
        cells = [
            cell.ljust(width) if place in (0, 9) else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def _cells(row: Row, ours: Row | None) -> tuple[str, ...]:
    if row.failed:
        return (row.title, *("–" for _ in range(len(NAMES) + 3)), row.failed)
    numbers = tuple(f"{row.score(name):.4f}" for name in NAMES)
    costs = []
    for name in ("fit", "sample", "peak_mib"):
        value, own = row.measured(name), None if ours is None else ours.measured(name)
        if value is None:
            costs.append("–")
            continue
        ratio = f" (×{value / own:.3g})" if own and row is not ours else ""
        costs.append(f"{value:.0f}{ratio}" if name == "peak_mib" else f"{value:.1f}{ratio}")
    return (row.title, *numbers, *costs, row.remarks)


def print_targets(tables: Mapping[str, Sequence[Row]]) -> None:
    """Each target of ours against the best of the peers, met or missed."""
    print("\nTargets of ours:")
    for name, rows in tables.items():
        ours = next((row for row in rows if row.title == OURS), None)
        peers = [row for row in rows[1:] if row is not ours and not row.failed]
        if ours is None or not peers:
            continue
        for score in NAMES:
            if score == "neighbour share":
                met, bar = ours.score(score) <= MOST_NEIGHBOURS, f"at most {MOST_NEIGHBOURS}"
            else:
                sign = 1 if score in HIGHER_IS_BETTER else -1
                best = max(peers, key=lambda peer: sign * peer.score(score))
                met = sign * ours.score(score) > sign * best.score(score)
                bar = f"best peer {best.score(score):.4f}, {best.title.strip()}"
            _say(met, f"{name}: {score} {ours.score(score):.4f} ({bar})")
        _say_times(name, ours, peers)


def _say_times(name: str, ours: Row, peers: Sequence[Row]) -> None:
    own = ours.measured("fit") or 0.0
    for peer in peers:
        ratio = (peer.measured("fit") or 0.0) / own
        least = FASTER_THAN_MOSTLY if peer.title == MOSTLY and name == "adult" else 1
        if peer.title != COPULA:
            _say(ratio >= least, f"{name}: fit {ratio:.1f} times faster than {peer.title.strip()} (at least {least})")


def _say(met: bool, what: str) -> None:
    print(f"  {'met   ' if met else 'MISSED'}  {what}")
