"""Fit one SDV synthesizer on a table and sample as many rows; runs inside .venv-peers/sdv.

Usage: sdv_table.py {copula,ctgan,tvae} TRAIN.parquet METADATA.json OUT.parquet SEED CAP
Settings are the peer's defaults (300 epochs of CTGAN and TVAE). CTGAN and TVAE stop before an epoch that
would end beyond the cap and are sampled as they are. Prints one JSON line: see measure.Clock.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import ctgan.synthesizers.ctgan
import ctgan.synthesizers.tvae
import numpy as np
import pandas as pd
import torch
from measure import Clock, cpu_seconds
from sdv.metadata import Metadata
from sdv.single_table import CTGANSynthesizer, GaussianCopulaSynthesizer, TVAESynthesizer


class Epochs:
    """Stands where the peers wrap their epochs in a progress bar: the only place where they can be stopped."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.done, self.stopped = clock, 0, False

    def __call__(self, epochs: Iterable[int], **_: object) -> Iterator[int]:
        longest = 0.0
        for epoch in epochs:
            if self.clock.left < longest:
                self.stopped = True
                return
            start = cpu_seconds()
            yield epoch
            longest = max(longest, cpu_seconds() - start)
            self.done += 1

    @property
    def note(self) -> str:
        return f"stopped at the cap after {self.done} of 300 epochs" if self.stopped else f"{self.done} epochs"


def main() -> None:
    kind, train, metadata, out, seed, cap = sys.argv[1:]
    torch.set_num_threads(1)
    torch.manual_seed(int(seed))
    np.random.seed(int(seed))  # noqa: NPY002  (the peer draws from the global generator)
    described = json.loads(Path(metadata).read_text(encoding="utf-8"))
    columns = described["tables"]["table"]["columns"]
    frame = pd.read_parquet(train)[list(columns)]
    numbers = [name for name, column in columns.items() if column["sdtype"] == "numerical"]
    frame = frame.astype(dict.fromkeys(numbers, "float64"))
    kinds = {"copula": GaussianCopulaSynthesizer, "ctgan": CTGANSynthesizer, "tvae": TVAESynthesizer}
    settings: dict[str, Any] = {} if kind == "copula" else {"enable_gpu": False}
    clock = Clock(float(cap))
    epochs = Epochs(clock)
    ctgan.synthesizers.ctgan.tqdm = ctgan.synthesizers.tvae.tqdm = epochs
    synthesizer = kinds[kind](Metadata.load_from_dict(described), **settings)
    synthesizer.fit({"table": frame})
    clock.end_fit()
    sampled = synthesizer.sample(num_rows=len(frame))
    made = sampled["table"] if isinstance(sampled, dict) else sampled
    clock.end_sampling()
    made.to_parquet(out)
    print(json.dumps({**clock.measured(), "note": "" if kind == "copula" else epochs.note}))


if __name__ == "__main__":
    main()
