"""Codec of identifiers: nothing of them is learned, they are made up in their declared format."""

from __future__ import annotations

import math
import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shared.access.questions import Answer
from shared.codecs.content import Content, checked
from shared.codecs.contract import CodeSet
from shared.corpus.schema import Column
from shared.engines.encoded import Codes, Positions
from shared.errors import DataError
from shared.randomness import derive, mixed

_ALPHABETS = {
    "9": string.digits,
    "A": string.ascii_uppercase,
    "a": string.ascii_lowercase,
    # In the order of ASCII, so that counting up is sorting up.
    "X": string.digits + string.ascii_uppercase + string.ascii_lowercase,
}
_WORD = 1 << 62
_ROUNDS = 4


class _Content(Content):
    pass


@dataclass(frozen=True, eq=False)
class IdentifierCodec:
    """Identifiers of running numbers: the same number and key give the same identifier.

    With a ``pattern`` (see :class:`~shared.corpus.schema.Column`) number and key choose a place among
    all that the pattern allows, by a keyed permutation: different numbers give different identifiers,
    and a stream of batches needs to remember nothing. Without one the identifier is the number itself,
    from 1. No record is looked at, so an identifier may equal a record's by chance, as often as
    the pattern is narrow, and tells nothing about it.
    """

    column: Column

    @staticmethod
    def question(column: Column) -> None:
        """Nothing is asked."""
        del column

    @classmethod
    def learn(cls, column: Column, answer: Answer | None) -> Self:
        """Nothing is learned."""
        del answer
        return cls(column)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Nothing is modelled."""
        return ()

    @property
    def marginals(self) -> tuple[NDArray[np.float64], ...]:
        """Nothing is modelled."""
        return ()

    @property
    def positions(self) -> tuple[Positions, ...]:
        """Nothing is modelled."""
        return ()

    def encode(self, values: pd.Series) -> Codes:
        """Shape ``(rows, 0)``."""
        return np.zeros((len(values), 0), dtype=np.int32)

    def decode(self, codes: Codes, random: np.random.Generator) -> pd.Series:
        """Identifiers 0, 1, … of a key drawn from ``random``."""
        return self.generate(np.arange(len(codes), dtype=np.int64), key=int(random.integers(_WORD)))

    @cached_property
    def _places(self) -> tuple[str, ...]:
        """The characters that each place of the pattern allows."""
        places, escaped = [], False
        for character in self.column.pattern or "":
            if character == "\\" and not escaped:
                escaped = True
                continue
            places.append(character if escaped else _ALPHABETS.get(character, character))
            escaped = False
        return tuple(places)

    @cached_property
    def room(self) -> int | None:
        """How many identifiers the pattern allows; ``None`` without a pattern."""
        return math.prod(map(len, self._places)) if self.column.pattern else None

    def generate(
        self, numbers: NDArray[np.int64], *, key: int = 0, ascending: bool = False, unique: bool = True
    ) -> pd.Series:
        """Identifiers of running numbers from 0, of shape ``(numbers,)`` and dtype ``str``.

        ``ascending`` counts up through the pattern instead of permuting it. Raises ``DataError`` where
        a number is beyond the pattern's room, unless they need not be ``unique``.
        """
        if self.room is None:
            return pd.Series((numbers + 1).astype(str), name=self.column.name, dtype="str")
        most = int(numbers.max(initial=-1)) + 1
        if most > self.room:
            if unique:
                raise DataError(
                    f"column {self.column.name!r}: pattern {self.column.pattern!r} allows {self.room} identifiers, and "
                    f"{most} are needed; declare a longer pattern"
                )
            numbers = numbers % self.room
        return pd.Series(self._spelled(numbers, key, ascending), name=self.column.name, dtype="str")

    def _spelled(self, numbers: NDArray[np.int64], key: int, ascending: bool) -> NDArray[np.str_]:
        """Digits of mixed radix from the right, as far as a word reaches; what is left of them is padding."""
        radices = [len(place) for place in self._places]
        first, size = len(radices), 1
        while first and size * radices[first - 1] <= _WORD:
            first -= 1
            size *= radices[first]
        words = numbers.astype(np.uint64) if ascending else _permuted(numbers, size, key)
        grid = np.empty((len(numbers), len(radices)), dtype="U1")
        for place in reversed(range(len(radices))):
            alphabet = np.array(list(self._places[place]))
            if place >= first:
                words, digits = np.divmod(words, np.uint64(radices[place]))
            elif ascending:
                digits = np.zeros(len(numbers), dtype=np.uint64)
            else:
                digits = mixed(numbers.astype(np.uint64), derive(key, "place", place)) % np.uint64(radices[place])
            grid[:, place] = alphabet[digits.astype(np.int64)]
        return grid.view(f"U{len(radices)}").reshape(-1) if len(radices) else np.full(len(numbers), "")

    @property
    def never(self) -> frozenset[int]:
        """No codes: identifiers are not modelled."""
        return frozenset()

    def codes_of(self, values: frozenset[str]) -> tuple[CodeSet, ...]:
        """No codes: identifiers are not modelled."""
        del values
        return ()

    def to_json(self) -> Mapping[str, Any]:
        """Nothing but the schema is needed."""
        return {}

    @classmethod
    def from_json(cls, column: Column, content: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`; raises ``DataError`` for anything else."""
        checked(_Content, content, f"the codec of column {column.name!r}")
        return cls(column)


def _permuted(numbers: NDArray[np.int64], size: int, key: int) -> NDArray[np.uint64]:
    """A permutation of ``range(size)``: a Feistel network on the next even power of two, walked until inside.

    Cycle walking: Black and Rogaway 2002, doi:10.1007/3-540-45760-7_9.
    """
    half = np.uint64(max(1, ((size - 1).bit_length() + 1) // 2))
    mask = (np.uint64(1) << half) - np.uint64(1)
    keys = [derive(key, "round", index) for index in range(_ROUNDS)]
    words = numbers.astype(np.uint64) % np.uint64(size)
    outside = np.arange(len(words))
    while len(outside):
        left, right = words[outside] >> half, words[outside] & mask
        for round_key in keys:
            left, right = right, left ^ (mixed(right, round_key) & mask)
        words[outside] = (left << half) | right
        outside = outside[words[outside] >= size]
    return words
