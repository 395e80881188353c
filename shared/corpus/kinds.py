"""What kind of column a set of spellings looks like."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from shared.corpus.schema import Kind

DATE_FORMATS = (None, "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d-%b-%Y", "%d %b %Y")
TIME_FORMATS = (
    None,
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S.%fZ",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
)
_INTEGER = r"^-?(0|[1-9][0-9]{0,17})$"
_REAL = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_PADDED = r"^[+-]?0[0-9]"
_DATE = r"^[0-9]{1,4}[-/. ]([0-9]{1,2}|[A-Za-z]{3})[-/. ][0-9]{1,4}$"
_TIME = r"^[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}[T ][0-9]{1,2}:[0-9]{2}"
_ISO_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?$"
_KEY = re.compile(r"(^|_|-|\b)(id|key|uuid|guid|identifier|mrn|ssn)$", re.IGNORECASE)
_NUMBER = re.compile(r"(^|_|-|\b)(nr|nbr|no|num|number)$", re.IGNORECASE)
_CODE = re.compile(r"(^|_|-|\b)(id|code|type|flag|class)$", re.IGNORECASE)
_CAMEL_KEY = re.compile(r"[a-z](Id|ID|Key)$")
_FEWEST_KEYS = 20
_LONGEST_KEY = 64
_FEW_CODES = 50


@dataclass(frozen=True)
class Reading:
    """A kind, and the format in which its dates or times are written (``None``: ISO 8601)."""

    kind: Kind
    datetime_format: str | None = None


def numeric_kind(words: pa.Array) -> Reading | None:
    """The kind of spellings that are all numbers, dates, times or booleans; ``None`` for other text.

    Numbers with leading zeros are text: they are codes, and would lose the zeros.
    """
    if not len(words):
        return None
    if _all(words, _REAL):
        if pc.any(pc.match_substring_regex(words, _PADDED)).as_py():
            return None
        return Reading("integer" if _all(words, _INTEGER) else "real")
    if set(words.to_pylist()) <= {"true", "false"}:
        return Reading("boolean")
    return _time_kind(words)


def _time_kind(words: pa.Array) -> Reading | None:
    if _all(words, _DATE):
        for format in DATE_FORMATS:
            if _stamps(words, format or "%Y-%m-%d") is not None:
                return Reading("date", format)
    if _all(words, _TIME):
        for format in TIME_FORMATS:
            if format is None and not _all(words, _ISO_TIME):
                continue
            stamps = _stamps(words, format or "ISO8601")
            if stamps is not None:
                midnight = bool((stamps == stamps.dt.normalize()).all())
                return Reading(
                    "date" if midnight else "datetime", format or ("%Y-%m-%dT%H:%M:%S" if midnight else None)
                )
    return None


def _stamps(words: pa.Array, format: str) -> pd.Series | None:
    text = pd.Series(words.to_pylist(), dtype=object)
    if len(text) > 1000 and pd.to_datetime(text[:1000], format=format, errors="coerce").isna().any():
        return None
    stamps = pd.to_datetime(text, format=format, errors="coerce")
    return None if stamps.isna().any() else stamps.astype("datetime64[us]")


def looks_like_key(name: str, distinct: int, rows: int, longest: int, *, number: bool) -> bool:
    """Whether a column holds identifiers: by its name and how many values differ, or all of them do.

    ``rows`` counts those with a value, ``longest`` is the length of the longest spelling. Numbers
    need the name as well: measurements may all differ too.
    """
    if _KEY.search(name) or _CAMEL_KEY.search(name):
        return distinct > _FEW_CODES or 1 < distinct == rows
    if _NUMBER.search(name):
        return distinct > max(_FEW_CODES, rows / 5) or 1 < distinct == rows
    return not number and distinct == rows >= _FEWEST_KEYS and longest <= _LONGEST_KEY


def looks_like_code(name: str, distinct: int) -> bool:
    """Whether a column of whole numbers is a list of codes, by its name and how few differ."""
    return distinct <= _FEW_CODES and bool(_CODE.search(name))


def pattern_of(words: Sequence[str]) -> str | None:
    """The pattern of identifiers of one length (see ``Column.pattern``); ``None`` if lengths differ."""
    lengths = {len(word) for word in words}
    if len(lengths) != 1 or not words[0].isascii() or lengths.pop() > _LONGEST_KEY:
        return None
    parts = []
    for letters in zip(*words, strict=True):
        found = set(letters)
        if all(letter.isdigit() for letter in found):
            parts.append("9")
        elif len(found) == 1:
            letter = found.pop()
            parts.append("\\" + letter if letter in "9AaX\\" else letter)
        elif all(letter.isalpha() and letter.isupper() for letter in found):
            parts.append("A")
        elif all(letter.isalpha() and letter.islower() for letter in found):
            parts.append("a")
        elif all(letter.isalnum() for letter in found):
            parts.append("X")
        else:
            return None
    return "".join(parts)


def decimals(words: pa.Array) -> float | None:
    """The step of numbers with a fixed number of decimals; ``None`` if some have an exponent or more than six."""
    if pc.any(pc.match_substring_regex(words, "[eE]")).as_py():
        return None
    fraction = pc.replace_substring_regex(words, r"^[^.]*\.?|0+$", "")
    most = int(np.max(pc.utf8_length(fraction).to_numpy(zero_copy_only=False), initial=0))
    return None if most > 6 else float(f"1e-{most}")


def _all(words: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(words, pattern)).as_py())
