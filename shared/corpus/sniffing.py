"""How a file of unknown format lies on disk: kind, compression, encoding, delimiter, header, blanks."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from shared.corpus.locating import format_of
from shared.corpus.schema import Format
from shared.corpus.store_paths import FilePath
from shared.corpus.streams import open_source
from shared.errors import DataError

_SAMPLE = 1 << 18
_PART = 1 << 20
_DELIMITERS = (",", ";", "\t", "|")
_VALUE = re.compile(
    r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*|true|false", re.IGNORECASE
)
_SPELLED_MISSING = ("", "?", "na", "n/a", "null", "nan", "none")


@dataclass(frozen=True)
class Sniffed:
    """The format of a file and, for CSV, the names of its columns (made up where it has no header)."""

    format: Format
    names: tuple[str, ...] = ()


def sniff(path: FilePath) -> Sniffed:
    """Look at the beginning of a file (and, for its encoding, at all of it).

    Raises ``DataError`` for a file that is empty or cannot be read.
    """
    kind, sample = _kind(path)
    compression = _compression(path)
    if kind == "parquet":
        return Sniffed(Format(kind="parquet"))
    if kind == "jsonl":
        return Sniffed(Format(kind="jsonl", compression=compression))
    encoding = _encoding(path)
    text = io.TextIOWrapper(io.BytesIO(sample), encoding=encoding, errors="ignore", newline="").read().lstrip("\ufeff")
    delimiter, records = _split(text, whole=len(sample) < _SAMPLE)
    if not records:
        raise DataError(f"{path}: the file is empty; give a file with at least one record")
    strip = _has_blanks(records)
    if strip:
        records = _records(text, delimiter, strip=True, whole=len(sample) < _SAMPLE)
    header = _has_header(records)
    first = [value.strip() if strip else value for value in records[0]]
    names = tuple(first) if header else tuple(f"column_{index}" for index in range(1, len(first) + 1))
    if "" in names:
        raise DataError(f"{path}: column {names.index('') + 1} has no name in the header; name it, or remove it")
    format = Format(delimiter=delimiter, header=header, encoding=encoding, compression=compression, strip=strip)
    return Sniffed(format, names)


def _kind(path: FilePath) -> tuple[str, bytes]:
    """The kind that the name says or, for an unknown name, that the first bytes say; and the first bytes."""
    with open_source(path) as stream:
        sample = stream.read(_SAMPLE)
    if sample[:4] == b"PAR1":
        return "parquet", sample
    named = {format_of(Format(kind=kind), path).kind for kind in ("csv", "jsonl")}
    if len(named) == 1:
        return named.pop(), sample
    return "jsonl" if sample.lstrip()[:1] == b"{" else "csv", sample


def _compression(path: FilePath) -> Literal["gz", "zst"] | None:
    with path.open("rb") as raw:
        magic = raw.read(4)
    return "gz" if magic[:2] == b"\x1f\x8b" else "zst" if magic == b"\x28\xb5\x2f\xfd" else None


def _encoding(path: FilePath) -> str:
    """UTF-8 if all bytes are; UTF-16 by its mark; else Windows-1252 or, where that has gaps, Latin-1."""
    if _decodes(path, "utf-8"):
        return "utf-8"
    with open_source(path) as stream:
        if stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
    return "cp1252" if _decodes(path, "cp1252") else "latin-1"


def _decodes(path: FilePath, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with open_source(path) as stream:
            while part := stream.read(_PART):
                decoder.decode(part)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _split(text: str, *, whole: bool) -> tuple[str, list[list[str]]]:
    """The delimiter with which most rows have the same number of fields, more than one; and the rows."""
    best: tuple[float, int] = (0.0, 0)
    chosen, rows = ",", _records(text, ",", strip=False, whole=whole)
    for delimiter in _DELIMITERS:
        records = _records(text, delimiter, strip=False, whole=whole)
        if not records:
            continue
        fields, times = Counter(map(len, records)).most_common(1)[0]
        score = (times / len(records), fields)
        if fields > 1 and score[0] >= 0.8 and score > best:
            best, chosen, rows = score, delimiter, records
    return chosen, rows


def _records(text: str, delimiter: str, *, strip: bool, whole: bool) -> list[list[str]]:
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=strip))
    except csv.Error:
        return []
    rows = [row for row in rows if row]
    # The sample may end inside a row.
    return rows if whole or len(rows) == 1 else rows[:-1]


def _has_blanks(records: Sequence[Sequence[str]]) -> bool:
    """Whether most values after a delimiter begin with a blank."""
    values = [value for row in records for value in row[1:] if value]
    return bool(values) and sum(value[0] in " \t" for value in values) > len(values) / 2


def _has_header(records: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: no values, no repetition, unlike what stands below."""
    first = [value.strip() for value in records[0]]
    filled = [value for value in first if value]
    if len(set(filled)) != len(filled) or any(_VALUE.fullmatch(value) for value in filled):
        return False
    if any(value.lower() in _SPELLED_MISSING[1:] for value in filled) or len(filled) < len(first) - 1:
        return False
    below = [row for row in records[1:] if len(row) == len(first)]
    if not below:
        return True
    again = 0
    for index, name in enumerate(first):
        column = [row[index].strip() for row in below]
        values = [value for value in column if value.lower() not in _SPELLED_MISSING]
        if values and sum(bool(_VALUE.fullmatch(value)) for value in values) > 0.9 * len(values):
            return True
        again += name in column
    return again * 2 < len(first)
