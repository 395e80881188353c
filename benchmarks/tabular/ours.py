"""Fit ours on a table and sample as many units; runs in a process of its own, as the peers do.

Usage: python -m benchmarks.tabular.ours DATASET TRAIN.parquet OUT.parquet SEED [SETTINGS]
The configuration is the example's, with ``privacy: none``; SETTINGS, a JSON object, changes its engine.
Prints one JSON line: see benchmarks/peers/measure.py.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from benchmarks.peers.measure import Clock
from benchmarks.tabular.data import example, units_of
from domains.pipeline.budgeting import Charge
from domains.pipeline.declaring import declare
from domains.pipeline.training import fit_model
from shared.corpus.scratch import Scratch
from shared.engines.sequence.config import SequenceConfig
from shared.randomness import derive
from shared.training.reporter import SilentReporter

CAP = 1800.0


def main() -> None:
    name, train, out, seed, *settings = sys.argv[1:]
    torch.set_num_threads(1)
    config = dataclasses.replace(example(name), seed=int(seed))
    assert config.privacy is None, "ours is compared without a promise, as the peers are"
    if settings:
        default: Any = config.engines["default"]
        changed = dataclasses.replace(default, **json.loads(settings[0]))
        config = dataclasses.replace(config, engines={"default": changed})
    declaration = declare(config)
    table = declaration.only.table
    units = units_of(Path(train), table)
    clock = Clock(CAP)
    scratch, silent = Scratch(Path(out).parent), SilentReporter()
    model = fit_model(config, declaration, {table.name: units}, Charge(key=b""), scratch, silent).model
    clock.end_fit()
    frames = model.frames(len(units), seed=derive(config.seed, "sample"), reporter=silent)
    made = pd.concat(list(frames), ignore_index=True)
    clock.end_sampling()
    made.to_parquet(out, index=False)
    chosen = config.engine(table.name)
    assert isinstance(chosen, SequenceConfig)
    print(json.dumps({**clock.measured(), "note": f"{chosen.epochs:g} epochs"}))


if __name__ == "__main__":
    main()
