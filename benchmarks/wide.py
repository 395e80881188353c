"""A wide and sparse table: one epoch of each engine of rows; run with `make bench-wide`.

200 columns that are mostly empty or zero, and one of 100,000 categories. A million rows are streamed into a Parquet
file first; then each engine fits in a process of its own, on one thread, as `simulacra fit` does. For each stage are
printed CPU-seconds and the peak of the resident memory.
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

ROWS = 1_000_000
LIMIT = 4.0  # GiB
CHUNK = 50_000
CODES = 100_000
# Narrow, as examples/tabular/adult.yaml has it: a table of many columns needs few numbers a column.
ENGINES = {"sequence": "hidden: 24, embedding: 4", "vae": "hidden: 64, embedding: 4"}
GROUPS = 20  # of columns that are filled together
KINDS = {"flag": 80, "count": 80, "value": 40}  # 200 columns
WORDS = ("low", "raised", "high", "critical")
FILLED = 0.05


def schema_text() -> str:
    """What is declared about the table."""
    lines = [
        "tables:",
        "- name: wide",
        "  format: {kind: parquet}",
        "  columns:",
        "  - {name: code, kind: categorical}",
    ]
    for kind, number in KINDS.items():
        for place in range(number):
            more = {
                "flag": f"kind: categorical, categories: [{', '.join(WORDS)}]",
                "count": "kind: integer, low: 0, high: 30, nullable: false",
                "value": "kind: real",
            }
            lines.append(f"  - {{name: {kind}_{place}, {more[kind]}}}")
    return "\n".join(lines) + "\n"


def generate(path: Path, rows: int) -> None:
    """Stream rows: a row belongs to a group, whose columns it fills more often; its code tells the group."""
    import pyarrow as pa
    import pyarrow.parquet

    random = np.random.default_rng(11)
    names = pa.array([f"C{place:05}" for place in range(CODES)])
    # Every category occurs: the first rows name each once, the others by a heavy tail.
    frequent = np.exp(random.normal(scale=2.0, size=CODES))
    frequent /= frequent.sum()
    writer = None
    for start in range(0, rows, CHUNK):
        count = min(CHUNK, rows - start)
        codes = random.choice(CODES, size=count, p=frequent)
        every = np.arange(start, min(start + count, CODES))
        codes[: len(every)] = every
        group = codes % GROUPS
        columns: dict[str, pa.Array] = {
            "code": pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), names).dictionary_decode()
        }
        place = 0
        for kind, number in KINDS.items():
            for j in range(number):
                filled = random.random(count) < np.where(group == place % GROUPS, 0.4, FILLED)
                columns[f"{kind}_{j}"] = _column(kind, filled, random)
                place += 1
        batch = pa.table(columns)
        writer = writer or pyarrow.parquet.ParquetWriter(path, batch.schema)
        writer.write_table(batch)
    assert writer is not None
    writer.close()


def _column(kind: str, filled: np.ndarray, random: np.random.Generator) -> object:
    import pyarrow as pa

    count = len(filled)
    if kind == "count":
        return pa.array(np.where(filled, np.minimum(random.geometric(0.3, size=count), 30), 0).astype(np.int64))
    if kind == "value":
        return pa.array(np.exp(random.normal(size=count)), mask=~filled)
    codes = random.integers(0, len(WORDS), size=count).astype(np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=~filled), pa.array(WORDS)).dictionary_decode()


def fit(folder: Path, engine: str) -> None:
    """One epoch; ends with an error if the peak is not under the limit."""
    import torch

    from domains.pipeline.config import read_config
    from domains.pipeline.flow import fit_to

    torch.set_num_threads(1)
    config = folder / f"{engine}.yaml"
    config.write_text(
        "source: {id: wide, path: wide.parquet}\nschema: schema.yaml\nunit: row\nholdout: 0.05\nprivacy: none\n"
        f"engine: {{default: {{name: {engine}, epochs: 1, batch_units: 1024, {ENGINES[engine]}}}}}\n"
        "ledger: ledger.sqlite\n"
    )
    start, watch = time.process_time(), Watch()
    fit_to(read_config(config), folder / engine, watch, now=datetime.now(UTC))
    watch.highest = max(watch.highest, memory("VmHWM"))
    verdict = "under" if watch.highest < LIMIT else "OVER"
    print(
        f"{engine} ({ENGINES[engine]}): {time.process_time() - start:.0f} CPU-s in all; "
        f"highest peak {watch.highest:.2f} GiB, "
        f"{verdict} the {LIMIT:g} GiB asked for\n",
        flush=True,
    )
    if watch.highest >= LIMIT:
        raise SystemExit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--folder", type=Path, help="where temporary files lie")
    parser.add_argument("--generate", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--fit", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.generate:
        generate(given.generate, given.rows)
    elif given.fit:
        fit(given.folder, given.fit)
    else:
        with tempfile.TemporaryDirectory(dir=given.folder) as name:
            compare(Path(name), given.rows, given.engines.split(","))


def compare(folder: Path, rows: int, engines: list[str]) -> None:
    """Each stage of the comparison in a process of its own, so that its peak is its own."""
    (folder / "schema.yaml").write_text(schema_text())
    environment = {**os.environ, "SIMULACRA_LEDGER": str(folder / "ledger.sqlite")}
    command = [sys.executable, "-m", "benchmarks.wide"]
    subprocess.run([*command, "--rows", str(rows), "--generate", str(folder / "wide.parquet")], check=True)
    size = (folder / "wide.parquet").stat().st_size / 2**30
    print(f"{rows:,} rows x {1 + sum(KINDS.values())} columns, {size:.2f} GiB of Parquet")
    for engine in engines:
        subprocess.run([*command, "--folder", str(folder), "--fit", engine], check=True, env=environment)


if __name__ == "__main__":
    main()
