"""A table larger than memory: read, learn, encode, fit one epoch, sample and write; run with `make bench-large`.

A table of 20 columns is streamed into a Parquet file first, in a process of its own: that does not count. Then
`fit_to` and `sample_to` run in this process, on one thread, as `simulacra fit` and `simulacra sample` do.
For each stage are printed CPU-seconds and the peak of the resident memory (the kernel's VmHWM, reset for each
stage), and of it the peaks of anonymous pages and of pages of files, sampled twenty times a second.
`--rows N` takes another number of rows, `--folder DIR` another place than the system's for temporary files.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.stages import Watch, memory

ROWS = 10_000_000
LIMIT = 2.0  # GiB
CHUNK = 100_000
CATEGORIES = {"sex": 2, "ward": 12, "region": 30, "status": 5, "payer": 18, "drug": 120, "diagnosis": 600, "flag": 3}
INTEGERS = {"age": 101, "visits": 40, "days": 400, "code_count": 20, "year": 30, "score": 1000}
REALS = ("cost", "weight", "height", "pressure", "glucose")


def schema_text() -> str:
    """What is declared about the table."""
    lines = ["tables:", "- name: large", "  format: {kind: parquet}", "  columns:"]
    for name, size in CATEGORIES.items():
        lines.append(
            f"  - {{name: {name}, kind: categorical, categories: [{', '.join(f'{name}{i}' for i in range(size))}]}}"
        )
    lines += [f"  - {{name: {name}, kind: integer, low: 0, high: {size - 1}}}" for name, size in INTEGERS.items()]
    lines += [f"  - {{name: {name}, kind: real}}" for name in REALS]
    lines.append("  - {name: admitted, kind: date, low: 2000-01-01, high: 2030-12-31}")
    return "\n".join(lines) + "\n"


def generate(path: Path, rows: int) -> None:
    """Stream rows in which columns depend on one another."""
    import pyarrow as pa
    import pyarrow.parquet

    random = np.random.default_rng(7)
    writer = None
    for start in range(0, rows, CHUNK):
        count = min(CHUNK, rows - start)
        hidden = random.normal(size=count)
        columns: dict[str, pa.Array] = {}
        for place, (name, size) in enumerate(CATEGORIES.items()):
            luck = np.clip(0.5 + 0.12 * hidden + 0.2 * random.normal(size=count), 0, 0.999)
            codes = (size * luck ** (1 + place % 3)).astype(np.int32)
            words = pa.array([f"{name}{i}" for i in range(size)])
            columns[name] = pa.DictionaryArray.from_arrays(pa.array(codes), words).dictionary_decode()
        for name, size in INTEGERS.items():
            luck = np.clip(0.5 + 0.15 * hidden + 0.15 * random.normal(size=count), 0, 0.999)
            columns[name] = pa.array((size * luck).astype(np.int64))
        for name in REALS:
            values = np.exp(0.5 * hidden + 0.5 * random.normal(size=count))
            columns[name] = pa.array(values, mask=random.random(count) < 0.05)
        columns["admitted"] = pa.array(
            (10957 + 300 * np.abs(hidden) + 4000 * random.random(count)).astype(np.int32)
        ).cast(pa.date32())
        batch = pa.table(columns)
        writer = writer or pyarrow.parquet.ParquetWriter(path, batch.schema)
        writer.write_table(batch)
    assert writer is not None
    writer.close()


def run(folder: Path, rows: int) -> None:
    import torch

    from domains.pipeline.config import read_config
    from domains.pipeline.flow import fit_to
    from domains.pipeline.model import load_model
    from domains.pipeline.sampling import sample_to

    torch.set_num_threads(1)
    (folder / "schema.yaml").write_text(schema_text())
    (folder / "config.yaml").write_text(
        "source: {id: large, path: large.parquet}\nschema: schema.yaml\nunit: row\nholdout: 0.1\nprivacy: none\n"
        "engine: {default: {epochs: 1, batch_units: 4096}}\nledger: ledger.sqlite\n"
    )
    size = (folder / "large.parquet").stat().st_size / 2**30
    print(f"{rows:,} rows x 20 columns, {size:.2f} GiB of Parquet; before the first stage {memory('VmRSS'):.2f} GiB")
    start, watch = time.process_time(), Watch()
    fit_to(read_config(folder / "config.yaml"), folder / "model", watch, now=datetime.now(UTC))
    written = sample_to(load_model(folder / "model"), rows, folder / "synthetic", seed=1, reporter=watch)
    taken = time.process_time() - start
    watch.highest = max(watch.highest, memory("VmHWM"))
    verdict = "under" if watch.highest < LIMIT else "OVER"
    print(
        f"{sum(written.values()):,} rows written; {taken:.0f} CPU-s in all; highest peak {watch.highest:.2f} GiB, ",
        end="",
    )
    print(f"{verdict} the {LIMIT:g} GiB declared")
    if watch.highest >= LIMIT:
        raise SystemExit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--generate", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.generate:
        generate(given.generate, given.rows)
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        os.environ["SIMULACRA_LEDGER"] = str(folder / "ledger.sqlite")
        command = [sys.executable, "-m", "benchmarks.large", "--rows", str(given.rows)]
        subprocess.run([*command, "--generate", str(folder / "large.parquet")], check=True)
        run(folder, given.rows)


if __name__ == "__main__":
    main()
