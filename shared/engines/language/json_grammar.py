"""JSON that fits a declared form, by construction: only tokens that can still lead to it are allowed.

A form is bounded in every direction, so a text of it ends within a number of bytes that is known beforehand. It is
compiled to a regular expression, and the library llguidance says which tokens of any tokeniser keep a text a prefix
of what the expression matches.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.engines.language.generation import Constraint
from shared.engines.language.tokenisers import Tokeniser
from shared.errors import ConfigurationError

_CHARACTER = r'([^"\\\x00-\x1f\x7f]|\\["\\/bfnrt])'
_CHARACTER_BYTES = 4


@dataclass(frozen=True)
class String:
    """Any characters, at most ``most`` of them (an escaped one counts once)."""

    most: int = 100

    def __post_init__(self) -> None:
        _bounded("most", self.most, 0)


@dataclass(frozen=True)
class Choice:
    """One of some strings."""

    values: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ConfigurationError("a JSON choice has no values; give at least one")


@dataclass(frozen=True)
class Number:
    """A number with at most so many digits before the point and after it; 0 after it: an integer."""

    digits: int = 6
    decimals: int = 0
    negative: bool = True

    def __post_init__(self) -> None:
        _bounded("digits", self.digits, 1)
        _bounded("decimals", self.decimals, 0)


@dataclass(frozen=True)
class Boolean:
    """``true`` or ``false``."""


@dataclass(frozen=True)
class Array:
    """From ``least`` to ``most`` items of one form."""

    item: Form
    most: int = 8
    least: int = 0

    def __post_init__(self) -> None:
        _bounded("least", self.least, 0)
        _bounded("most", self.most, max(1, self.least))


@dataclass(frozen=True)
class Object:
    """All of the fields, in this order; those in ``nullable`` may be ``null``."""

    fields: tuple[tuple[str, Form], ...]
    nullable: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        names = [name for name, _ in self.fields]
        if not names or len(set(names)) != len(names) or not self.nullable <= set(names):
            raise ConfigurationError(
                f"a JSON object has the fields {names}; give at least one, each once, and null none else"
            )


Form = String | Choice | Number | Boolean | Array | Object


def expression(form: Form) -> str:
    """The regular expression of all JSON texts of that form, with one blank after ``,`` and ``:``."""
    match form:
        case String(most):
            return f'"{_CHARACTER}{{0,{most}}}"'
        case Choice(values):
            return f"({'|'.join(re.escape(json.dumps(value, ensure_ascii=False)) for value in values)})"
        case Number(digits, decimals, negative):
            whole = f"(0|[1-9][0-9]{{0,{digits - 1}}})"
            return f"{'-?' if negative else ''}{whole}{f'([.][0-9]{{1,{decimals}}})?' if decimals else ''}"
        case Boolean():
            return "(true|false)"
        case Array(item, most, least):
            one = f"({expression(item)})"
            more = f"{one}(, {one}){{{max(0, least - 1)},{most - 1}}}"
            return rf"\[{more}\]" if least else rf"\[({more})?\]"
        case Object(fields, nullable):
            parts = [f"{re.escape(json.dumps(n, ensure_ascii=False))}: {_field(f, n in nullable)}" for n, f in fields]
            return rf"\{{{', '.join(parts)}\}}"


def _field(form: Form, nullable: bool) -> str:
    return f"({expression(form)}|null)" if nullable else f"({expression(form)})"


def longest(form: Form) -> int:
    """Most bytes of a JSON text of that form, and so most tokens of it."""
    match form:
        case String(most):
            return 2 + _CHARACTER_BYTES * most
        case Choice(values):
            return max(len(json.dumps(value, ensure_ascii=False).encode()) for value in values)
        case Number(digits, decimals, negative):
            return int(negative) + digits + (decimals + 1 if decimals else 0)
        case Boolean():
            return 5
        case Array(item, most, _):
            return 2 + most * (longest(item) + 2)
        case Object(fields, _):
            return 2 + sum(len(json.dumps(n, ensure_ascii=False).encode()) + max(4, longest(f)) + 4 for n, f in fields)


def fits(form: Form, value: Any) -> bool:
    """Whether a value that was read from JSON has the form."""
    match form:
        case String(most):
            return isinstance(value, str) and len(value) <= most
        case Choice(values):
            return value in values
        case Number(digits, decimals, negative):
            if isinstance(value, bool) or not isinstance(
                value, float if decimals and isinstance(value, float) else int
            ):
                return False
            return abs(value) < 10**digits and (negative or value >= 0)
        case Boolean():
            return isinstance(value, bool)
        case Array(item, most, least):
            return isinstance(value, list) and least <= len(value) <= most and all(fits(item, part) for part in value)
        case Object(fields, nullable):
            return (
                isinstance(value, dict)
                and list(value) == [name for name, _ in fields]
                and all(fits(f, value[n]) or (n in nullable and value[n] is None) for n, f in fields)
            )


class JsonGrammar:
    """A form for one tokeniser. :meth:`constraint` makes what one text is held to."""

    def __init__(self, form: Form, tokeniser: Tokeniser) -> None:
        try:
            import llguidance
        except ImportError as error:
            raise ConfigurationError("JSON of a declared form needs the extra: install simulacra[language]") from error
        self.form = form
        self._size = tokeniser.size
        self._matcher = llguidance.LLMatcher
        self._tokens = llguidance.LLTokenizer(llguidance.TokenizerWrapper(_Vocabulary(tokeniser)))
        self._grammar = llguidance.LLMatcher.grammar_from_regex(expression(form))
        wrong = llguidance.LLMatcher.validate_grammar(self._grammar, self._tokens)
        if wrong:
            raise ConfigurationError(f"the JSON form is too large for its grammar ({' '.join(wrong.split())[:200]})")

    @property
    def most_new(self) -> int:
        """Tokens that any text of the form is done in, its end included."""
        return longest(self.form) + 1

    @property
    def constraint(self) -> Callable[[int], Constraint]:
        """Makes the constraint of a new text."""
        return lambda _: _Matched(self._matcher(self._tokens, self._grammar), self._size)


class _Matched:
    """A text under way."""

    bounded = True

    def __init__(self, matcher: Any, size: int) -> None:
        self._matcher = matcher
        self._size = size

    def allowed(self) -> np.ndarray:
        from llguidance import numpy as masks

        words = masks.allocate_token_bitmask(1, self._size)
        masks.fill_next_token_bitmask(self._matcher, words, 0)
        return np.unpackbits(words.view(np.uint8), bitorder="little")[: self._size].astype(bool)

    def advance(self, token: int) -> None:
        self._matcher.consume_token(token)


class _Vocabulary:
    """A tokeniser as llguidance reads it."""

    def __init__(self, tokeniser: Tokeniser) -> None:
        self._encode = tokeniser.encode
        self.eos_token_id = tokeniser.end
        self.bos_token_id = None
        # A special id must have a name that no text holds.
        self.tokens = [piece or f"\xff[{place}]".encode("latin-1") for place, piece in enumerate(tokeniser.pieces)]
        self.special_token_ids = [place for place, piece in enumerate(tokeniser.pieces) if not piece]

    def __call__(self, text: str) -> list[int]:
        return self._encode(text)


def _bounded(name: str, value: int, least: int) -> None:
    if not least <= value <= 10_000:
        raise ConfigurationError(f"JSON: {name} is {value}; it must lie between {least} and 10000")
