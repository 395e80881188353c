"""Byte streams of files that may be compressed with gzip or Zstandard."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

import pyarrow.parquet
import zstandard

from shared.corpus.schema import Format
from shared.corpus.store_paths import FilePath, StorePath
from shared.errors import DataError

_GZIP, _ZSTANDARD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_PARTS = 1 << 20


@contextmanager
def open_source(path: FilePath) -> Iterator[IO[bytes]]:
    """A stream of what a file holds, decompressed if its first bytes say that it is compressed.

    Raises ``DataError`` for a file that is not there, cannot be opened, or breaks off.
    """
    try:
        with path.open("rb") as raw:
            magic = raw.peek(4)[:4]
            if magic[:2] == _GZIP:
                yield cast(IO[bytes], gzip.GzipFile(fileobj=raw))
            elif magic == _ZSTANDARD:
                yield cast(IO[bytes], io.BufferedReader(_ZstandardFrames(raw), _PARTS))
            else:
                yield raw
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; check the path") from error
    except IsADirectoryError as error:
        raise DataError(f"{path}: this is a folder, but a file is needed") from error
    except PermissionError as error:
        raise DataError(f"{path}: no permission to read this file") from error
    except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError) as error:
        raise DataError(f"{path}: the compressed file is damaged or breaks off ({error}); copy it again") from error


def parquet_file(path: FilePath, stream: IO[bytes]) -> pyarrow.parquet.ParquetFile:
    """The Parquet file at a path that is open as ``stream``: on a disk Arrow reads the file itself, which is faster."""
    return pyarrow.parquet.ParquetFile(stream if isinstance(path, StorePath) else path)


class _ZstandardFrames(io.RawIOBase):
    """Reads Zstandard frames one after another; a frame that breaks off is an error, not the end."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._ready = b""
        self._frame: Any = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and self._fill():
            pass
        part = self._ready[: len(buffer)]
        buffer[: len(part)] = part
        self._ready = self._ready[len(part) :]
        return len(part)

    def _fill(self) -> bool:
        """Decompress more; false at the end of the file."""
        rest = b"" if self._frame is None else self._frame.unused_data
        begun = self._frame is not None and not self._frame.eof
        part = rest if rest and not begun else self._raw.read(_PARTS)
        if not part:
            if begun:
                raise EOFError("the last frame is not complete")
            return False
        if not begun:
            self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._ready = self._frame.decompress(part)
        return True


@contextmanager
def open_target(path: FilePath, compression: str | None) -> Iterator[IO[bytes]]:
    """A new file, compressed if asked; equal content gives equal bytes (no time stamp is stored)."""
    with path.open("xb") as raw:
        if compression == "gz":
            with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=raw, mtime=0) as packed:
                yield cast(IO[bytes], packed)
        elif compression == "zst":
            with zstandard.ZstdCompressor().stream_writer(raw, closefd=False) as stream:
                yield cast(IO[bytes], stream)
        else:
            yield raw


def file_ending(format: Format) -> str:
    """The ending of the files of a format, such as ``.csv.gz``; Parquet compresses inside the file."""
    compressed = format.compression is not None and format.kind != "parquet"
    return f".{format.kind}" + (f".{format.compression}" if compressed else "")
