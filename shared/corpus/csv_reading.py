"""CSV files as batches of text columns, with every irregularity refused."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from itertools import islice
from typing import IO

import pyarrow as pa
import pyarrow.csv

from shared.corpus.checks import check_columns, check_delimiter
from shared.corpus.schema import Format, Table
from shared.corpus.store_paths import FilePath
from shared.corpus.streams import open_source
from shared.errors import DataError

_BLOCK = 8 << 20
_ROWS = 20_000
_LONGEST_PADDING = 1000


def csv_batches(table: Table, path: FilePath, format: Format) -> Iterator[pa.RecordBatch]:
    """Batches whose columns are those of the table, in its order, all of them text.

    Raises ``DataError`` for a wrong delimiter, other columns than declared, rows of another length
    than the first (with the line), bytes that are not of the declared encoding.
    """
    head = first_records(path, format, 2)
    if not head or (format.header and len(head) == 1):
        if head:
            _check_head(table, path, format, head[0])
        return
    found = _check_head(table, path, format, head[0])
    if format.strip and _has_padded_quotes(path, format):
        yield from _padded_batches(table, path, format, found)
    else:
        yield from _arrow_batches(table, path, format, found)


def _arrow_batches(table: Table, path: FilePath, format: Format, found: list[str]) -> Iterator[pa.RecordBatch]:
    order = [found.index(name) for name in table.names]
    irregular: list[pyarrow.csv.InvalidRow] = []

    def refuse(row: pyarrow.csv.InvalidRow) -> str:
        irregular.append(row)
        return "error"

    codes = [f"{index}" for index in range(len(found))]
    try:
        with open_source(path) as stream:
            reader = pyarrow.csv.open_csv(
                pa.PythonFile(stream, mode="r"),
                read_options=pyarrow.csv.ReadOptions(
                    use_threads=False,
                    block_size=_BLOCK,
                    column_names=codes,
                    skip_rows_after_names=int(format.header),
                    encoding=format.encoding,
                ),
                parse_options=pyarrow.csv.ParseOptions(
                    delimiter=format.delimiter, newlines_in_values=True, invalid_row_handler=refuse
                ),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types=dict.fromkeys(codes, pa.string()),
                    strings_can_be_null=False,
                    include_columns=[codes[index] for index in order],
                ),
            )
            for batch in reader:
                yield batch.rename_columns(list(table.names))
    except UnicodeDecodeError as error:
        raise _undecodable(path, format) from error
    except pa.ArrowInvalid as error:
        if irregular:
            row = irregular[0]
            raise _ragged(path, format, row.number, row.actual_columns, row.expected_columns) from error
        raise _explain(path, format, found, error) from error


def _has_padded_quotes(path: FilePath, format: Format) -> bool:
    """Whether a quoted value follows blanks, which Arrow takes for a value with quotes inside."""
    padded = re.compile(f'(^|[{re.escape(format.delimiter)}\r\n])[ \t]+"')
    with open_source(path) as stream:
        text = io.TextIOWrapper(stream, encoding=format.encoding, errors="replace", newline="")
        found, last = False, ""
        while not found and (part := text.read(_BLOCK)):
            found = padded.search(last + part) is not None
            last = part[-_LONGEST_PADDING:]
        text.detach()
    return found


def _padded_batches(table: Table, path: FilePath, format: Format, found: list[str]) -> Iterator[pa.RecordBatch]:
    """What :func:`_arrow_batches` gives, by the slower reader of the standard library, which knows padded quotes."""
    order = [found.index(name) for name in table.names]
    try:
        with open_source(path) as stream:
            records = _records(stream, format, errors="strict")
            number = 0
            while rows := list(islice(records, _ROWS)):
                for number, row in enumerate(rows, start=number + 1):  # noqa: B020
                    if len(row) != len(found):
                        raise _ragged(path, format, number, len(row), len(found))
                body = rows[1:] if format.header and number == len(rows) else rows
                columns = list(zip(*body, strict=True)) or [()] * len(found)
                yield pa.RecordBatch.from_arrays(
                    [pa.array(columns[index], pa.string()) for index in order], names=list(table.names)
                )
    except UnicodeDecodeError as error:
        raise _undecodable(path, format) from error
    except csv.Error as error:
        raise DataError(f"{path}: this is no CSV file: {error}; is a closing quote missing?") from error


def first_records(path: FilePath, format: Format, count: int) -> list[list[str]]:
    """The first records of a file that are not blank lines, a header counted; bad bytes become U+FFFD."""
    with open_source(path) as stream:
        try:
            return list(islice(_records(stream, format), count))
        except csv.Error as error:
            raise DataError(f"{path}: the first line is no CSV ({error}); is this the right file?") from error


def _records(stream: IO[bytes], format: Format, *, errors: str = "replace") -> Iterator[list[str]]:
    text = io.TextIOWrapper(stream, encoding=_with_mark(format.encoding), errors=errors, newline="")
    rows = csv.reader(text, delimiter=format.delimiter, skipinitialspace=format.strip)
    for row in rows:
        if row:
            yield [value.strip() if format.strip else value for value in row]
    text.detach()


def _with_mark(encoding: str) -> str:
    return "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding


def _check_head(table: Table, path: FilePath, format: Format, head: list[str]) -> list[str]:
    """Names of the file's columns, in its order."""
    if any("\ufffd" in value for value in head):
        raise _undecodable(path, format)
    check_delimiter(table, path, format, format.delimiter.join(head), head)
    if format.header:
        check_columns(table, path, head)
        return head
    if len(head) != len(table.columns):
        raise DataError(
            f"{path}: the first row has {len(head)} fields, but table {table.name!r} declares {len(table.columns)} "
            "columns; bring the file and the 'columns' of the schema into line"
        )
    return list(table.names)


def _ragged(path: FilePath, format: Format, number: int | None, fields: int, expected: int) -> DataError:
    """``number`` counts the records from 1, a header among them."""
    line = 0
    with open_source(path) as stream:
        text = io.TextIOWrapper(stream, encoding=_with_mark(format.encoding), errors="replace", newline="")
        records = csv.reader(text, delimiter=format.delimiter, skipinitialspace=format.strip)
        for record in records:
            if record and len(record) != expected:
                line = records.line_num
                break
        text.detach()
    row = "" if number is None else f"row {number - int(format.header)} "
    return DataError(
        f"{path}: {row}(line {line}) has {fields} fields, but the first line has "
        f"{expected}; put values that hold {format.delimiter!r}, quotes or line breaks into double quotes"
    )


def _undecodable(path: FilePath, format: Format, column: str | None = None, row: int | None = None) -> DataError:
    """The first line with bytes that are not of the declared encoding."""
    line, what = 1, "a byte"
    with open_source(path) as stream:
        for content in stream:
            try:
                content.decode(format.encoding)
            except UnicodeDecodeError as error:
                what = f"byte 0x{content[error.start]:02x}"
                break
            line += 1
    where = f"line {line}" if row is None else f"row {row} (line {line})"
    where += "" if column is None else f", column {column!r}"
    return DataError(
        f"{path}: {where}: {what} is not {format.encoding}; save the file as UTF-8, "
        "or declare its 'encoding' under 'format' in the schema (such as latin-1)"
    )


def _explain(path: FilePath, format: Format, found: list[str], error: pa.ArrowInvalid) -> DataError:
    text = " ".join(str(error).split())
    match = re.search(r"In CSV column #(\d+): (?:Row #(\d+): )?.*UTF", text)
    if match:
        row = None if match[2] is None else int(match[2]) - int(format.header)
        return _undecodable(path, format, found[int(match[1])], row)
    if "straddling" in text:
        return DataError(f"{path}: a row is longer than {_BLOCK >> 20} MiB; is a closing quote missing?")
    return DataError(f"{path}: this is no CSV file: {text}")
