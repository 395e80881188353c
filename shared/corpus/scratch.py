"""Where records stay that do not fit into memory: frames in files of a folder that never outlives its run."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.ipc

from shared.errors import ConfigurationError

DEFAULT_MEMORY = 1 << 30
LEAST_MEMORY = 1 << 20
_UNITS = {"": 1, "B": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}
_NATIVE = {
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
    pa.string(): pd.StringDtype(na_value=np.nan),
    pa.large_string(): pd.StringDtype(na_value=np.nan),
}


@dataclass(frozen=True)
class Scratch:
    """A folder for real records, and how many bytes of memory the work on records may take.

    The folder exists, is readable by its owner alone and is removed by whoever made it, at the latest when the
    run ends. What is done with records holds up to three bodies of them at once (those that are sorted,
    those that are trained on, the holdout), each of which is copied while it is changed:
    ``held`` bytes of each are kept in memory, and what is more lies in files of about ``piece`` bytes.
    """

    folder: Path
    memory: int = DEFAULT_MEMORY

    @property
    def held(self) -> int:
        """Most bytes of one body of records that are kept in memory."""
        return self.memory // 8

    @property
    def piece(self) -> int:
        """About how many bytes of records are worked on at a time."""
        return self.memory // 32

    def place(self, name: str) -> Path:
        """A new folder inside, readable by its owner alone."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))


def parse_memory(text: str | int) -> int:
    """Bytes of a size such as ``1GiB``, ``512 MiB`` or a plain number; raises ``ConfigurationError``."""
    match = re.fullmatch(r"\s*([0-9]+)\s*([A-Za-z]*)\s*", str(text))
    if match is None or match[2].upper() not in _UNITS:
        raise ConfigurationError(f"memory is {text!r}; give a size such as 512MiB or 4GiB")
    size = int(match[1]) * _UNITS[match[2].upper()]
    if size < LEAST_MEMORY:
        raise ConfigurationError(f"memory is {text!r}; it must be at least {LEAST_MEMORY >> 20}MiB")
    return size


def bytes_of(frame: pd.DataFrame) -> int:
    """How many bytes the values of a frame take."""
    return int(frame.memory_usage(index=False).sum())


def write_frame(frame: pd.DataFrame, path: Path, *, rows: int | None = None) -> None:
    """Write a frame with the dtypes of ``corpus.DTYPES`` as an Arrow file of batches of at most ``rows`` rows."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=rows)


def read_frame(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """What :func:`write_frame` wrote, or some of its columns; only those are read."""
    return _frame(path, columns, None)


def read_rows(path: Path, batch_rows: int, start: int, end: int) -> pd.DataFrame:
    """Rows ``start:end`` of a file that was written in batches of ``batch_rows``; only those batches are read."""
    first = start // batch_rows
    frame = _frame(path, None, range(first, -(-end // batch_rows)))
    return frame.iloc[start - first * batch_rows : end - first * batch_rows]


def _frame(path: Path, columns: Sequence[str] | None, batches: range | None) -> pd.DataFrame:
    # Not mapped: mapped pages would count as memory of this process.
    with pa.OSFile(str(path), "rb") as source:
        if columns is None:
            reader = pa.ipc.open_file(source)
        else:
            places = [pa.ipc.open_file(source).schema.get_field_index(name) for name in columns]
            source.seek(0)
            reader = pa.ipc.open_file(source, options=pa.ipc.IpcReadOptions(included_fields=places))
        wanted = range(reader.num_record_batches) if batches is None else batches
        parts = [reader.get_batch(index) for index in wanted]
        table = pa.Table.from_batches(parts, schema=reader.schema)
    if columns is not None:
        table = table.select(list(columns))
    return table.to_pandas(ignore_metadata=True, types_mapper=_NATIVE.get)
