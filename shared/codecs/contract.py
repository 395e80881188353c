"""The contract of a codec: one column kind, to codes and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shared.access.questions import Answer, Question
from shared.corpus.schema import Column
from shared.engines.encoded import Codes


class Codec(Protocol):
    """Turns a column of a frame into code columns and back.

    A codec is learned in two moves, so that the questions of all columns can be answered (and paid
    for) together: :meth:`question` says what it must know of the records, :meth:`learn` takes the
    answer. A codec that must know nothing returns ``None``.
    """

    column: Column

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

    def encode(self, values: pd.Series) -> Codes:
        """Shape ``(rows, code columns)``."""
        ...

    def decode(self, codes: Codes, random: np.random.Generator) -> pd.Series:
        """Values for codes of shape ``(rows, code columns)``, with the dtype of the column's kind."""
        ...

    def codes_of(self, values: frozenset[str]) -> tuple[int, frozenset[int]]:
        """Which code column, and which of its codes, stand for exactly these values (for exclusions).

        Raises ``SchemaError`` if they cannot be told from others by one code column.
        """
        ...

    def to_json(self) -> Mapping[str, Any]:
        """Plain values from which :meth:`from_json` makes an equal codec."""
        ...

    @classmethod
    def from_json(cls, column: Column, content: Mapping[str, Any]) -> Self: ...
