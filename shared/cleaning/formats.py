"""Numbers, dates, times and booleans that are written in another way than their column reads."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from shared.cleaning.actions import NUMBER, Replace
from shared.cleaning.plan import Step, proposal
from shared.corpus.kinds import DATE_FORMATS, TIME_FORMATS
from shared.corpus.lenient import TextCorpus, readable
from shared.corpus.schema import NUMERIC, Column, Table
from shared.corpus.values import bounds, to_numbers

_PLAIN = re.compile(rf"^{NUMBER}$")
_DECIMAL_COMMA = re.compile(r"^[+-]?\d+,\d+$")
_THOUSANDS = re.compile(r"^[+-]?\d{1,3}([,'\u00a0\u2009 ]\d{3})+(\.\d+)?$")
_POINTS = re.compile(r"^[+-]?\d{1,3}(\.\d{3})+,\d+$")
_WHOLE_SHARE = 0.95  # of the cells of one shape that a format must read


def number_formats(corpus: TextCorpus, table: Table) -> list[Step]:
    """Decimal commas, marks of thousands, blanks around; what can be read in two ways is left alone."""
    steps = []
    for column in table.columns:
        if column.kind not in ("integer", "real", "boolean"):
            continue
        values: dict[str, str | None] = {}
        for word in _unreadable(corpus, table, column):
            found = {text for text in _readings(word, column) if _fits(text, column)}
            if len(found) == 1:
                values[word] = found.pop()
        steps += proposal(
            corpus, table.name, column.name, Replace(values=values), rule="number format", basis="declared",
            reason="decimal comma, mark of thousands, or blanks", confidence=0.95, enabled=True,
        )  # fmt: skip
    return steps


def date_formats(corpus: TextCorpus, table: Table) -> list[Step]:
    """Dates in another format than declared, if one format alone reads all of one shape.

    Which format that is, is learned: 03/04/2020 alone could be two days.
    """
    steps = []
    for column in table.columns:
        if column.kind not in ("date", "datetime"):
            continue
        shapes: dict[str, list[str]] = {}
        for word in _unreadable(corpus, table, column):
            shapes.setdefault(re.sub(r"\d+", "9", re.sub(r"[A-Za-z]+", "a", word.strip())), []).append(word)
        for words in shapes.values():
            steps += _date_step(corpus, table, column, words)
    return steps


def _date_step(corpus: TextCorpus, table: Table, column: Column, words: Sequence[str]) -> list[Step]:
    readings = {}
    for format in (*DATE_FORMATS, *(TIME_FORMATS if column.kind == "datetime" else ())):
        read = pd.to_datetime(pd.Series(words).str.strip(), format=format or "ISO8601", errors="coerce")
        if read.notna().mean() >= _WHOLE_SHARE:
            spelled = read.dt.strftime(_written_as(column))
            readings[tuple(spelled.astype(object).where(spelled.notna(), None))] = format or "ISO 8601"
    if len(readings) != 1:
        return []
    ((spelled, format),) = readings.items()
    values = {word: text for word, text in zip(words, spelled, strict=True) if text is not None}
    return proposal(
        corpus, table.name, column.name, Replace(values=values), rule="date format", basis="learned",
        reason=f"{format} alone reads all that are written so", confidence=0.95, enabled=True,
    )  # fmt: skip


def _written_as(column: Column) -> str:
    return column.datetime_format or ("%Y-%m-%d" if column.kind == "date" else "%Y-%m-%dT%H:%M:%S")


def _unreadable(corpus: TextCorpus, table: Table, column: Column) -> list[str]:
    bad = corpus.parsed(table.name, column.name)[1]
    return sorted(corpus.tables[table.name][column.name][bad].unique().tolist())


def _readings(word: str, column: Column) -> set[str]:
    """Every way to read a spelling that its kind does not read."""
    word = word.strip().replace("\u2212", "-")
    if column.kind == "boolean":
        return {word}
    found = {word} if _PLAIN.match(word) else set()
    if _DECIMAL_COMMA.match(word):
        found.add(word.replace(",", "."))
    if _THOUSANDS.match(word):
        found.add(re.sub(r"[,'\u00a0\u2009 ]", "", word))
    if _POINTS.match(word):
        found.add(word.replace(".", "").replace(",", "."))
    return found


def _fits(text: str, column: Column) -> bool:
    values, bad = readable(pd.Series([text], dtype="str"), column)
    if bad.iloc[0]:
        return False
    if column.kind not in NUMERIC:
        return True
    number = to_numbers(values, column)[0]
    low, high = bounds(column)
    return (low is None or number >= low) and (high is None or number <= high)
