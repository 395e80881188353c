"""From a domain's simulator to a corpus on disk."""

from __future__ import annotations

from pathlib import Path

from domains.base.registry import domain_named
from shared.corpus.folders import fresh_folder
from shared.corpus.writing import write_corpus
from shared.training.reporter import Reporter


def simulate_corpus(
    domain: str, units: int, *, seed: int, out: Path, reporter: Reporter, layout: str | None = None
) -> dict[str, int]:
    """Simulate into a new folder ``out``; gives the number of rows of each table."""
    simulator = domain_named(domain)
    with fresh_folder(out) as folder:
        corpus = simulator.simulate(units, seed=seed, reporter=reporter, layout=layout)
        write_corpus(corpus, folder)
    return {name: len(frame) for name, frame in corpus.tables.items()}
