"""Fit one SDV synthesizer on a table and sample as many rows; runs inside .venv-peers/sdv.

Usage: sdv_table.py {copula,ctgan,tvae} TRAIN.parquet METADATA.json OUT.parquet SEED [EPOCHS]
Prints one JSON line: CPU-seconds of fit and of sample.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sdv.metadata import Metadata
from sdv.single_table import CTGANSynthesizer, GaussianCopulaSynthesizer, TVAESynthesizer


def main() -> None:
    kind, train, metadata, out, seed, *epochs = sys.argv[1:]
    torch.set_num_threads(1)
    torch.manual_seed(int(seed))
    np.random.seed(int(seed))  # noqa: NPY002  (the peer draws from the global generator)
    frame = pd.read_parquet(train)
    described = Metadata.load_from_dict(json.loads(Path(metadata).read_text(encoding="utf-8")))
    settings = {"epochs": int(epochs[0])} if epochs else {}
    classes = {"copula": GaussianCopulaSynthesizer, "ctgan": CTGANSynthesizer, "tvae": TVAESynthesizer}
    gpu = {} if kind == "copula" else {"enable_gpu": False}
    start = time.process_time()
    try:
        synthesizer = classes[kind](described, **settings, **gpu)
    except TypeError:
        synthesizer = classes[kind](described, **settings, **({"cuda": False} if gpu else {}))
    synthesizer.fit({"table": frame})
    fitted = time.process_time()
    sampled = synthesizer.sample(num_rows=len(frame))
    made = sampled["table"] if isinstance(sampled, dict) else sampled
    made.to_parquet(out)
    print(json.dumps({"fit": fitted - start, "sample": time.process_time() - fitted}))


if __name__ == "__main__":
    main()
