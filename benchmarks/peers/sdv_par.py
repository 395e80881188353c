"""Fit SDV's PAR on rows of units and sample as many units; runs inside .venv-peers/sdv.

Usage: sdv_par.py TRAIN.parquet METADATA.json OUT.parquet SEED CAP UNITS
Settings are the peer's defaults (128 epochs); columns of units are its context columns. It holds all rows of all units
in one batch, one-hot, so that it is given the first UNITS units of the shuffled table. It stops before an epoch that
would end beyond the cap and is sampled as it is. Prints one JSON line: see measure.Clock.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import deepecho.models.par
import numpy as np
import pandas as pd
import torch
from measure import Clock, allow, cpu_seconds
from sdv.metadata import Metadata
from sdv.sequential import PARSynthesizer

EPOCHS = 128
SAMPLING = 3600.0  # CPU-seconds: it draws one unit after the other


class Epochs:
    """Stands where the peer wraps its epochs in a progress bar: the only place where they can be stopped."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.done, self.stopped = clock, 0, False

    def __call__(self, epochs: range, **_: object) -> Epochs:
        self.epochs = epochs
        return self

    def set_description(self, text: str) -> None:
        del text

    def __iter__(self) -> Iterator[int]:
        longest = 0.0
        for epoch in self.epochs:
            if self.clock.left < longest:
                self.stopped = True
                return
            start = cpu_seconds()
            yield epoch
            longest = max(longest, cpu_seconds() - start)
            self.done += 1


def main() -> None:
    train, metadata, out, seed, cap, most = sys.argv[1:]
    torch.set_num_threads(1)
    torch.manual_seed(int(seed))
    np.random.seed(int(seed))  # noqa: NPY002  (the peer draws from the global generator)
    warnings.simplefilter("ignore")
    told = json.loads(Path(metadata).read_text(encoding="utf-8"))
    unit, columns = told["unit"], [*told["of_unit"], *told["columns"]]
    frame = pd.read_parquet(train)[[unit, *columns]]
    everyone = frame[unit].unique()
    chosen = np.random.default_rng(int(seed)).permutation(everyone)[: int(most)]
    some = frame[frame[unit].isin(chosen)].reset_index(drop=True)
    described = {
        "tables": {
            "table": {
                "columns": {unit: {"sdtype": "id"}, **{name: {"sdtype": "categorical"} for name in columns}},
                "sequence_key": unit,
            }
        },
        "relationships": [],
    }
    clock = Clock(float(cap))
    epochs = Epochs(clock)
    deepecho.models.par.tqdm = epochs
    synthesizer = PARSynthesizer(
        Metadata.load_from_dict(described), context_columns=told["of_unit"], epochs=EPOCHS, cuda=False
    )
    synthesizer.fit({"table": some})
    clock.end_fit()
    allow(SAMPLING)
    sampled = synthesizer.sample_sequences(num_sequences=len(everyone))
    made = sampled["table"] if isinstance(sampled, dict) else sampled
    clock.end_sampling()
    made.to_parquet(out)
    ended = "stopped at the cap after " if epochs.stopped else ""
    note = f"{ended}{epochs.done} of {EPOCHS} epochs, {len(chosen):,} of {len(everyone):,} units"
    print(json.dumps({**clock.measured(), "note": note}))


if __name__ == "__main__":
    main()
