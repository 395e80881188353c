"""Conditions as users write them: ``age >= 65``, ``sex = Female``, ``drug in {insulin, none}``, ``bmi is missing``.

::

    COLUMN OPERATOR VALUE        =  !=  <  <=  >  >=
    COLUMN in {VALUE, VALUE}     also: not in
    COLUMN is missing            also: is not missing

Blanks around operators and values are no part of them. A column or value that holds an operator, a comma or a
brace is written in quotes, ``'...'`` or ``"..."``. A missing value fulfils ``is missing`` alone, never a comparison.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from shared.errors import ConfigurationError

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "in", "not in", "is missing", "is not missing"]
GRAMMAR = "write COLUMN=VALUE, !=, <, <=, >, >=, COLUMN in {A, B}, COLUMN not in {A, B}, COLUMN is [not] missing"
_QUOTED = r"'[^']*'|\"[^\"]*\""
_COMPARISON = re.compile(r"\s*(==|=|!=|<=|>=|<|>)\s*(.*?)\s*", re.DOTALL)
_SET = re.compile(r"\s+(not\s+in|in)\s*\{(.*)\}\s*", re.DOTALL | re.IGNORECASE)
_MISSING = re.compile(r"\s+is\s+(not\s+)?missing\s*", re.IGNORECASE)
_MEMBER = re.compile(rf"\s*({_QUOTED}|[^,'\"]*)\s*(,|$)")


@dataclass(frozen=True)
class Clause:
    """One condition: a column, an operator and the values as they were written. ``text`` is the whole."""

    column: str
    operator: Operator
    values: tuple[str, ...]
    text: str


def parse_where(text: str, columns: Sequence[str]) -> Clause:
    """A condition on one of the columns. Raises ``ConfigurationError``, which says what can be written."""
    column, rest = _column(text, columns)
    if match := _MISSING.fullmatch(rest):
        return Clause(column, "is not missing" if match[1] else "is missing", (), text.strip())
    if match := _SET.fullmatch(rest):
        operator: Operator = "not in" if match[1].lower().startswith("not") else "in"
        return Clause(column, operator, _members(match[2], text), text.strip())
    if (match := _COMPARISON.fullmatch(rest)) and match[2]:
        sign = "=" if match[1] == "==" else match[1]
        assert sign in get_args(Operator)
        return Clause(column, sign, (_unquoted(match[2]),), text.strip())  # type: ignore[arg-type]
    raise ConfigurationError(f"--where {text!r} cannot be read after the column {column!r}; {GRAMMAR}")


def _column(text: str, columns: Sequence[str]) -> tuple[str, str]:
    """The column that a condition begins with, the longest that fits, and what follows."""
    stripped = text.lstrip()
    if match := re.match(_QUOTED, stripped):
        name, rest = match[0][1:-1], stripped[match.end() :]
        if name in columns:
            return name, rest
        raise _unknown(name, columns)
    fitting = [
        name for name in columns if stripped.startswith(name) and re.match(r"\s|[=!<>]", stripped[len(name) :] + " ")
    ]
    if fitting:
        name = max(fitting, key=len)
        return name, stripped[len(name) :]
    raise _unknown(re.split(r"\s*(?:[=!<>]|\bin\b|\bnot\b|\bis\b)", stripped, maxsplit=1)[0], columns)


def _unknown(name: str, columns: Sequence[str]) -> ConfigurationError:
    near = difflib.get_close_matches(name, columns, n=1)
    hint = f"did you mean {near[0]!r}? The" if near else "the"
    return ConfigurationError(
        f"--where names the column {name!r}, which there is not; {hint} columns are {', '.join(columns)}"
    )


def _members(inside: str, text: str) -> tuple[str, ...]:
    members, at = list[str](), 0
    while at < len(inside) or not members:
        match = _MEMBER.match(inside, at)
        if match is None or not match[1].strip():
            raise ConfigurationError(
                f"--where {text!r}: the values in braces cannot be read; write {{A, B}} or {{'A, B', C}}"
            )
        members.append(_unquoted(match[1].strip()))
        at = match.end()
    return tuple(members)


def _unquoted(value: str) -> str:
    return value[1:-1] if re.fullmatch(_QUOTED, value) else value
