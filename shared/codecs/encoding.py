"""The records of a table as codes: chunk by chunk, in the narrowest type, in memory or in a file."""

from __future__ import annotations

import mmap
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from shared.codecs.table import TableCodec
from shared.corpus.scratch import Scratch
from shared.corpus.units import Units
from shared.engines.encoded import Histories, MappedPages, Rows
from shared.training.reporter import Reporter


def encode_units(codec: TableCodec, units: Units, scratch: Scratch, reporter: Reporter) -> Histories:
    """The codes of all units, equal to ``codec.encode`` of all records at once but for their type.

    More than ``scratch.held`` bytes of codes lie in files of the scratch folder, and are mapped.
    """
    shape = codec.shape
    parts = [_Part(shape.unit_sizes, shape.unit_names, len(units)), _Part(shape.row_sizes, shape.row_names, units.rows)]
    folder = scratch.place(f"codes-{codec.table.name}") if sum(part.bytes for part in parts) > scratch.held else None
    with ExitStack() as stack, reporter.stage("encoding", units.rows) as stage:
        for place, part in enumerate(parts):
            if folder is not None and part.bytes:
                part.open(folder / f"{place}.codes", stack)
        for chunk in units.chunks():
            encoded = codec.encode(chunk)
            for part, rows in zip(parts, (encoded.units, encoded.rows), strict=True):
                part.add(rows)
            stage.advance(len(encoded.rows))
    unit_part, row_part = (part.done(scratch.piece) for part in parts)
    return Histories(unit_part, row_part, units.offsets)


class _Part:
    """The codes of units, or of rows."""

    def __init__(self, sizes: tuple[int, ...], names: tuple[str, ...], rows: int) -> None:
        self._sizes, self._names = sizes, names
        self._shape = (rows, len(sizes))
        self._type = narrowest(max(sizes, default=1))
        self.bytes = rows * len(sizes) * self._type.itemsize
        self._sink: IO[bytes] | None = None
        self._file: Path | None = None
        self._codes: NDArray[Any] | None = None
        self._count = 0

    def open(self, file: Path, stack: ExitStack) -> None:
        """Put the codes into a file."""
        self._file = file
        self._sink = stack.enter_context(file.open("wb"))

    def add(self, rows: Rows) -> None:
        """The codes of the rows that follow."""
        codes = rows.codes.astype(self._type)
        if self._sink is not None:
            # Written and not mapped: on a full disk writing to mapped pages kills the process.
            self._sink.write(codes.tobytes())
            return
        if self._codes is None:
            self._codes = np.empty(self._shape, dtype=self._type)
        self._codes[self._count : self._count + len(codes)] = codes
        self._count += len(codes)

    def done(self, piece: int) -> Rows:
        """All codes."""
        if self._file is None:
            codes = np.empty(self._shape, dtype=self._type) if self._codes is None else self._codes
            return Rows(codes, self._sizes, self._names)
        with self._file.open("rb") as source:
            mapped = mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ)
        mapped.madvise(mmap.MADV_RANDOM)
        codes = np.frombuffer(mapped, dtype=self._type).reshape(self._shape)
        return Rows(codes, self._sizes, self._names, MappedPages(mapped, piece))


def narrowest(size: int) -> np.dtype[Any]:
    """The narrowest integer type for codes below ``size``."""
    return np.dtype(np.uint8 if size <= 1 << 8 else np.uint16 if size <= 1 << 16 else np.int32)
