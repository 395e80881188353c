"""A copy of a corpus without direct identifiers: text scanned, keys renamed, dates cut or shifted.

::

    OUT/<tables>, schema.yaml                  the corpus with surrogates
    OUT/deidentification-log/report.json       what was found, by column and kind; the standard that was met

Rules and public lists decide, never other records: each row of the result follows from the row, the name of its unit
and a key that is drawn for the run and forgotten. The folder is its owner's alone: rules do not find everything.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from domains.pipeline.cleaning_marker import Cleaning, learned_rules
from privacy.deidentification import KINDS, Deidentifier, Surrogates
from privacy.deidentification.surrogates import Dates
from shared.corpus.folders import fresh_folder
from shared.corpus.lenient import TextCorpus, read_texts
from shared.corpus.relations import tree_of
from shared.corpus.schema import Column, Schema, Table
from shared.corpus.schema_file import read_schema
from shared.corpus.writing import write_corpus
from shared.errors import ConfigurationError
from shared.training.reporter import Reporter

LOG, REPORT = "deidentification-log", "report.json"
_OWNER_ONLY = 0o700
_KEEP = "keep"
_OLDEST = 90
_DIGITS_OF_KEY = 18  # fits 64 bits; two of a million keys meet once in two million runs


@dataclass(frozen=True, kw_only=True)
class Deidentified:
    """A corpus that was written: what was found, by ``table.column`` and kind; columns that nobody looked at."""

    folder: Path
    rows: Mapping[str, int]
    found: Mapping[str, Mapping[str, int]]
    unexamined: tuple[str, ...]
    standard: str


def deidentify(
    source: Path,
    *,
    schema: Path,
    out: Path,
    declared: Mapping[str, str],
    dates: Dates,
    now: datetime,
    reporter: Reporter,
    key: bytes | None = None,
) -> Deidentified:
    """Write ``source`` without direct identifiers into a new folder ``out``.

    ``declared`` says what a column (``table.column``) holds: a kind of identifier, or ``keep`` for a column that was
    looked at and holds none. Without that, text is scanned, identifiers are renamed, dates cut or shifted. Who was born
    90 or more years before the year of ``now`` is pooled by year of birth. ``key``: 16 bytes or more, for tests; by
    default fresh ones that are forgotten.
    """
    known = read_schema(schema)
    _check(known, declared)
    if dates not in get_args(Dates):
        raise ConfigurationError(f"--dates is {dates!r}; it can be {' or '.join(get_args(Dates))}")
    surrogates = Surrogates(secrets.token_bytes(32) if key is None else key, dates=dates, oldest_year=now.year - 89)
    with fresh_folder(out) as folder:
        folder.chmod(_OWNER_ONLY)
        corpus = read_texts(known, source)
        work = _Work(corpus, Deidentifier(surrogates), surrogates, declared)
        with reporter.stage("de-identifying", len(known.tables)) as stage:
            frames = {}
            for table in known.tables:
                frames[table.name] = work.table(table)
                stage.advance()
        cleaning: Cleaning = "learned" if learned_rules(source, known) else "declared"
        tables = tuple(
            dataclasses.replace(table, columns=tuple(_column(c, table, declared, surrogates) for c in table.columns))
            for table in known.tables
        )
        written = dataclasses.replace(known, tables=tables, cleaning=cleaning)
        write_corpus(TextCorpus(written, frames).corpus(), folder)
        result = Deidentified(
            folder=out,
            rows={name: len(frame) for name, frame in frames.items()},
            found={name: dict(counts) for name, counts in work.found.items()},
            unexamined=work.unexamined(),
            standard=standard_met(dates, work.unexamined()),
        )
        (folder / LOG).mkdir(mode=_OWNER_ONLY)
        content = {"format": "simulacra-deidentification/1", **dataclasses.asdict(result), "folder": None}
        content.pop("folder")
        (folder / LOG / REPORT).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return result


def standard_met(dates: Dates, unexamined: Sequence[str]) -> str:
    """Which standard the output meets, in words."""
    if dates != "years":
        return "not Safe Harbor: dates are shifted, not cut to years"
    if unexamined:
        return f"not Safe Harbor: nobody said what {', '.join(unexamined)} hold; declare them with --column"
    return (
        "the rules of Safe Harbor, 45 CFR 164.514(b)(2), were applied to all columns; in free text they find what "
        "their measured recall says, so what the text still holds is for people to check"
    )


@dataclass
class _Work:
    corpus: TextCorpus
    deidentifier: Deidentifier
    surrogates: Surrogates
    declared: Mapping[str, str]

    def __post_init__(self) -> None:
        self.found: dict[str, Counter[str]] = {}

    def table(self, table: Table) -> pd.DataFrame:
        """A table with surrogates."""
        frame = self.corpus.tables[table.name]
        units = self._units(table)
        return pd.DataFrame({c.name: self._replaced(table, c, frame[c.name], units) for c in table.columns})

    def unexamined(self) -> tuple[str, ...]:
        """Columns of other kinds than text, identifier, date and boolean that nothing was declared of."""
        return tuple(
            f"{table.name}.{column.name}"
            for table in self.corpus.schema.tables
            for column in table.columns
            if column.kind in ("categorical", "integer", "real") and f"{table.name}.{column.name}" not in self.declared
        )

    def _replaced(self, table: Table, column: Column, cells: pd.Series, units: Sequence[str]) -> pd.Series:
        name = f"{table.name}.{column.name}"
        kind = self.declared.get(name)
        if kind == _KEEP or (kind is None and column.kind not in ("text", "identifier", "date", "datetime")):
            return cells
        counts = self.found.setdefault(name, Counter())
        if kind is None and column.kind in ("date", "datetime"):
            cells = _spelled(self.corpus.parsed(table.name, column.name)[0], cells, column)
        new = []
        for value, unit in zip(cells, units, strict=True):
            new.append(value if pd.isna(value) else self._cell(value, unit, kind, column, counts))
        return pd.Series(new, index=cells.index, name=column.name, dtype="str")

    def _cell(self, value: str, unit: str, kind: str | None, column: Column, counts: Counter[str]) -> str:
        if kind == "age":
            number = pd.to_numeric(value, errors="coerce")
            counts["age"] += bool(number >= _OLDEST)
            return str(_OLDEST) if number >= _OLDEST else value
        if kind is not None:
            counts[kind] += 1
            return self.surrogates.of(kind, value, unit)  # type: ignore[arg-type]
        if column.kind == "text":
            replaced = self.deidentifier.replace(value, unit)
            counts.update(replaced.found)
            return replaced.text
        counts["date" if column.kind in ("date", "datetime") else "key"] += 1
        if column.kind == "identifier":  # not by unit: keys of several tables must go on meeting
            return str(10**_DIGITS_OF_KEY // 10 + self.surrogates.drawn(9 * 10**_DIGITS_OF_KEY // 10, "key", value))
        return self._day(value, unit)

    def _day(self, value: str, unit: str) -> str:
        if self.surrogates.dates == "years":
            return f"{self.surrogates.year(int(value[:4])):04d}-01-01" + (" 00:00:00" if len(value) > 10 else "")
        day = _moved(date.fromisoformat(value[:10]), self.surrogates.days(unit))
        return day.isoformat() + value[10:]

    def _units(self, table: Table) -> list[str]:
        """The name of each row's unit; a row that is a unit of its own is named by what stands in it."""
        schema, frame = self.corpus.schema, self.corpus.tables[table.name]
        if table.unit is not None:
            return [str(value) for value in frame[table.unit]]
        if len(schema.tables) == 1:
            return [hashlib.sha256("\x1f".join(map(str, row)).encode()).hexdigest() for row in frame.to_numpy()]
        tree = tree_of(schema)
        if table.name == tree.root.name:
            return [str(value) for value in frame[str(table.primary_key)]]
        key = tree.parents[table.name]
        above = schema.table(key.table)
        units = dict(zip(self.corpus.tables[key.table][above.primary_key], self._units(above), strict=True))
        return [units.get(value, str(value)) for value in frame[key.column]]


def _check(schema: Schema, declared: Mapping[str, str]) -> None:
    for name, kind in declared.items():
        table, _, column = name.partition(".")
        found = schema.table(table).column(column)
        if column in _keys(schema.table(table)):
            raise ConfigurationError(
                f"--column {name}={kind}: keys and units are renamed alike in all tables; leave it out"
            )
        if kind not in (*KINDS, _KEEP):
            raise ConfigurationError(f"--column {name}={kind}: the kind can be {', '.join((*KINDS, _KEEP))}")
        allowed = ("integer", "real") if kind == "age" else ("text", "identifier", "categorical")
        if kind != _KEEP and found.kind not in allowed:
            raise ConfigurationError(
                f"--column {name}={kind}: the schema says {found.kind}; {kind} can be in {', '.join(allowed)}: "
                "declare the column so in the schema"
            )


def _keys(table: Table) -> set[str | None]:
    return {table.primary_key, table.unit, *(key.column for key in table.foreign_keys)}


def _column(column: Column, table: Table, declared: Mapping[str, str], made: Surrogates) -> Column:
    """The declaration of a column after it: what no longer holds of its values is taken out or widened."""
    kind = declared.get(f"{table.name}.{column.name}")
    if kind == _KEEP:
        return column
    changed: dict[str, Any] = {}
    if column.kind == "identifier":
        changed = {"pattern": None, "stored": "text" if kind else column.stored}
    elif column.kind == "categorical" and kind is not None:
        changed = {"kind": "text", "categories": None, "spellings": (), "stored": "text", "of_unit": False}
    elif column.kind in ("date", "datetime"):
        changed = {"datetime_format": None, "low": _bound(column.low, made, -1), "high": _bound(column.high, made, 1)}
    return dataclasses.replace(column, **changed) if changed else column


def _bound(bound: float | str | None, made: Surrogates, way: int) -> float | str | None:
    """A bound of dates that holds after cutting to the year's first day and pooling, or shifting by up to a year."""
    if not isinstance(bound, str):
        return bound
    if made.dates == "shifted":
        return _moved(date.fromisoformat(bound[:10]), 366 * way).isoformat() + bound[10:]
    first = f"{made.year(int(bound[:4])):04d}-01-01" + re.sub(r"\d", "0", bound[10:])
    return first if way < 0 else max(first, bound)


def _moved(day: date, days: int) -> date:
    """A day some days later; at the ends of the calendar, where files write "never", the day itself."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return day


def _spelled(stamps: pd.Series, cells: pd.Series, column: Column) -> pd.Series:
    """Dates as ISO 8601 text; a cell that is no date is missing.

    Whether there are times is declared: read off the column, one unit's time would change how all others are spelled.
    """
    text = stamps.dt.strftime("%Y-%m-%d" if column.kind == "date" else "%Y-%m-%d %H:%M:%S")
    return text.where(cells.notna())
