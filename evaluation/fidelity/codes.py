"""Sets of codes in the rows of units, such as diagnoses of a visit, and how often they come, alone and together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from shared.corpus.units import UnitFrame
from shared.corpus.values import to_text

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class CodeColumns:
    """Which columns hold codes.

    ``groups`` maps the name of a vocabulary to the columns that hold its codes: a code in any of them is the same
    code. ``absent`` are values that stand for no code at all, as a missing value does.
    """

    groups: Mapping[str, Sequence[str]]
    absent: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class CodeSets:
    """Which of the codes each row has: ``has`` ``(rows, codes)`` of zeros and ones, ``offsets`` ``(units + 1,)``."""

    has: sparse.csr_array
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def by_unit(self) -> sparse.csr_array:
        """In how many rows each unit has each code, shape ``(units, codes)``."""
        rows = self.has.shape[0]
        owner = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        member = sparse.csr_array((np.ones(rows), (owner, np.arange(rows))), shape=(len(self), rows))
        return sparse.csr_array(member @ self.has)

    def prevalence(self) -> Floats:
        """Share of the units that have a code at least once, shape ``(codes,)``."""
        return np.asarray((self.by_unit() > 0).sum(axis=0)).ravel() / max(1, len(self))

    def within_rows(self) -> Pairs:
        """Share of the rows that have two different codes together."""
        both = sparse.triu(self.has.T @ self.has, k=1).tocoo()
        return Pairs.of(both, self.has.shape)

    def across_rows(self) -> Pairs:
        """Share of the steps from a row to the next one of its unit that have a code before and a code after."""
        later = np.ones(self.has.shape[0], dtype=bool)
        later[self.offsets[:-1]] = False
        after = np.flatnonzero(later)
        return Pairs.of((self.has[after - 1].T @ self.has[after]).tocoo(), (len(after), self.has.shape[1]))


@dataclass(frozen=True, eq=False)
class Pairs:
    """Shares of pairs of codes that occur at all: ``keys`` ascending, first code times number of codes plus second."""

    keys: NDArray[np.int64]
    shares: Floats

    @classmethod
    def of(cls, counts: sparse.coo_array, shape: tuple[int, int]) -> Pairs:
        """Counts ``(codes, codes)`` over so many rows (or steps) and codes."""
        keys = counts.row.astype(np.int64) * shape[1] + counts.col
        order = np.argsort(keys)
        return cls(keys[order], counts.data[order] / max(1, shape[0]))

    def beside(self, other: Pairs) -> tuple[Floats, Floats]:
        """The shares of all pairs that occur in one of the two, in both; each of shape ``(pairs,)``."""
        keys = np.union1d(self.keys, other.keys)
        found = []
        for pairs in (self, other):
            shares = np.zeros(len(keys))
            shares[np.searchsorted(keys, pairs.keys)] = pairs.shares
            found.append(shares)
        return found[0], found[1]


def code_sets(columns: CodeColumns, parts: Mapping[str, UnitFrame]) -> dict[str, CodeSets]:
    """The code sets of all parts, over one numbering of the codes that occur in any of them."""
    found: dict[str, list[sparse.csr_array]] = {part: [] for part in parts}
    for names in columns.groups.values():
        texts = {part: [to_text(units.frame[name]) for name in names] for part, units in parts.items()}
        values = {value for columns_ in texts.values() for text in columns_ for value in text.dropna().unique()}
        index = {value: code for code, value in enumerate(sorted(values - columns.absent))}
        for part, units in parts.items():
            found[part].append(_indicator(texts[part], index, units.rows))
    return {
        part: CodeSets(sparse.csr_array(sparse.hstack(found[part], format="csr")), units.offsets)
        for part, units in parts.items()
    }


def _indicator(texts: Sequence[object], index: Mapping[str, int], rows: int) -> sparse.csr_array:
    places, codes = [], []
    for text in texts:
        code = text.map(index).to_numpy(dtype=np.float64)  # type: ignore[attr-defined]
        present = np.flatnonzero(~np.isnan(code))
        places.append(present)
        codes.append(code[present].astype(np.int64))
    row, column = np.concatenate(places), np.concatenate(codes)
    has = sparse.csr_array((np.ones(len(row)), (row, column)), shape=(rows, max(1, len(index))))
    has.data[:] = 1.0  # a code that stands in two columns of a row is one member of its set
    return has
