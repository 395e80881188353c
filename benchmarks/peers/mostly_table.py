"""Fit MOSTLY AI's engine on a table and sample as many rows; runs inside .venv-peers/mostly.

Usage: mostly_table.py {protected,unprotected} TRAIN.parquet METADATA.json OUT.parquet SEED CAP
``protected`` is the engine's default, which replaces rare values. All other settings are its defaults. At the cap
training stops and the best weights so far are sampled. Prints one JSON line: see measure.Clock.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import pandas as pd
import torch
from measure import Clock
from mostlyai import engine


def main() -> None:
    kind, train, metadata, out, seed, cap = sys.argv[1:]
    torch.set_num_threads(1)
    engine.set_random_state(int(seed))
    described = json.loads(Path(metadata).read_text(encoding="utf-8"))
    frame = pd.read_parquet(train)[list(described["tables"]["table"]["columns"])]
    clock = Clock(float(cap))
    seen = {"epoch": 0.0, "stopped": False}

    def progress(**told: object) -> dict[str, bool]:
        message = told.get("message")
        if isinstance(message, dict):
            seen["epoch"] = max(seen["epoch"], message.get("epoch") or 0.0)
        seen["stopped"] = seen["stopped"] or clock.left < 0
        return {"stopExecution": bool(seen["stopped"])}

    with tempfile.TemporaryDirectory() as folder:
        engine.split(tgt_data=frame, workspace_dir=folder, model_type="TABULAR")
        engine.analyze(workspace_dir=folder, value_protection=kind == "protected")
        engine.encode(workspace_dir=folder)
        engine.train(workspace_dir=folder, update_progress=progress)
        clock.end_fit()
        engine.generate(workspace_dir=folder, sample_size=len(frame))
        made = pd.concat([pd.read_parquet(path) for path in sorted((Path(folder) / "SyntheticData").glob("*.parquet"))])
        clock.end_sampling()
    made.to_parquet(out, index=False)
    how = "training stopped at the cap, epoch" if seen["stopped"] else "early stop at epoch"
    print(json.dumps({**clock.measured(), "note": f"{how} {seen['epoch']:.0f}"}))


if __name__ == "__main__":
    main()
