"""The contract of a codec: one column kind, to codes and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shared.access.questions import Answer, Question
from shared.corpus.schema import Column
from shared.engines.encoded import Codes, Positions

CodeSet = Mapping[int, frozenset[int]]


class Codec(Protocol):
    """Turns a column of a frame into code columns and back.

    A codec is learned in two moves, so that the questions of all columns can be answered (and paid
    for) together: :meth:`question` says what it must know of the records, :meth:`learn` takes the
    answer. A codec that must know nothing returns ``None``.
    """

    @property
    def column(self) -> Column: ...

    @staticmethod
    def question(column: Column) -> Question | None: ...

    @classmethod
    def learn(cls, column: Column, answer: Answer | None) -> Self: ...

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of codes of each code column; empty if nothing of the column is modelled."""
        ...

    @property
    def marginals(self) -> tuple[NDArray[np.float64], ...]:
        """How often each code occurs, by the answer it was learned from; one array a code column."""
        ...

    @property
    def positions(self) -> tuple[Positions, ...]:
        """Where each code lies on the number line, NaN for missing; ``None`` for a code column of categories."""
        ...

    def encode(self, values: pd.Series) -> Codes:
        """Shape ``(rows, code columns)``."""
        ...

    def decode(self, codes: Codes, random: np.random.Generator) -> pd.Series:
        """Values for codes of shape ``(rows, code columns)``, with the dtype of the column's kind."""
        ...

    def codes_of(self, values: frozenset[str]) -> tuple[CodeSet, ...]:
        """Codes that decode to exactly these values (for exclusions), as alternatives; none if they cannot occur.

        An alternative maps places of code columns to codes: it holds if each of those columns has one
        of its codes. Raises ``SchemaError`` if the values cannot be told from others by their codes.
        """
        ...

    @property
    def never(self) -> frozenset[int]:
        """Codes of the first code column that records may have but nothing generated needs to.

        They stand for what was never seen; decoding replaces them by a draw,
        while an engine that closes them draws from the rest given all it knows.
        """
        ...

    def to_json(self) -> Mapping[str, Any]:
        """Plain values from which :meth:`from_json` makes an equal codec."""
        ...

    @classmethod
    def from_json(cls, column: Column, content: Mapping[str, Any]) -> Self: ...
