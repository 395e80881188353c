"""Which values of a column are allowed, in terms of its codes: what a condition on the column comes down to."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shared.codecs.binning import Bins
from shared.codecs.boolean import BooleanCodec
from shared.codecs.categorical import UNLISTED, CategoricalCodec
from shared.codecs.contract import Codec
from shared.codecs.number import NumberCodec
from shared.codecs.table import code_names
from shared.corpus.corpus import DTYPES
from shared.corpus.schema import Column
from shared.engines.encoded import Allowed, CodeExclusion

Floats = NDArray[np.float64]
_POINT = 1e-9  # the width of a single number among numbers without a resolution, as a share of a cell


@dataclass(frozen=True)
class Choice:
    """The allowed values of a column: categories by their text, or numbers in ranges whose ends are included.

    ``missing``: whether no value at all is allowed.
    """

    values: frozenset[str] = frozenset()
    ranges: tuple[tuple[float, float], ...] = ()
    missing: bool = False


@dataclass(frozen=True, eq=False)
class Chosen:
    """A choice in terms of codes: what the code columns may hold, and a codec that decodes to allowed values alone.

    ``never``: combinations of digits that the choice rules out.
    """

    codec: Codec
    columns: dict[str, Allowed]
    never: tuple[CodeExclusion, ...] = ()

    @property
    def possible(self) -> bool:
        """Whether any code is allowed."""
        return all(bool((allowed.shares > 0).any()) for allowed in self.columns.values())


def categories_of(codec: Codec) -> tuple[str, ...] | None:
    """The texts that a codec of categories or booleans decodes to; ``None`` for numbers."""
    if isinstance(codec, BooleanCodec):
        codec = codec.categories
    if not isinstance(codec, CategoricalCodec):
        return None
    other = [] if codec.other is None or not codec.other > 0 else [UNLISTED]
    return (*codec.values, *other)


def number_range(codec: NumberCodec) -> tuple[float, float] | None:
    """Least and greatest number that a codec decodes to; ``None`` if it knows none."""
    bins = codec.bins
    return (float(bins.lows.min()), float(bins.highs.max())) if len(bins) else None


def missing_code(codec: Codec) -> int | None:
    """The code of a missing value that can come out; ``None`` if none can."""
    column: Column = codec.column
    kept = codec.missing if isinstance(codec, NumberCodec | CategoricalCodec) else None
    kept = codec.categories.missing if isinstance(codec, BooleanCodec) else kept
    if kept is None:
        return None
    code = int(codec.encode(pd.Series([None], dtype=DTYPES[column.kind], name=column.name))[0, 0])
    return None if code in codec.never else code


def chosen(codec: Codec, choice: Choice) -> Chosen:
    """A choice of a column's values in terms of its codes."""
    if isinstance(codec, NumberCodec):
        return _numbers(codec, choice)
    first, *rest = (np.zeros(size) for size in codec.sizes)
    names, never = code_names(codec), list[CodeExclusion]()
    for low in rest:
        low[:] = 1.0
    for alternative in codec.codes_of(choice.values):
        first[list(alternative[0] - codec.never)] = 1.0
        for place, codes in alternative.items():
            if place:
                others = frozenset(range(codec.sizes[place])) - codes
                never.append(CodeExclusion(((names[0], alternative[0]), (names[place], others))))
    absent = missing_code(codec)
    if choice.missing and absent is not None:
        first[absent] = 1.0
    columns = {name: Allowed(shares[None]) for name, shares in zip(names, [first, *rest], strict=True)}
    return Chosen(codec, columns, tuple(never))


def _numbers(codec: NumberCodec, choice: Choice) -> Chosen:
    """Cells are cut to the ranges; the share of a code is what is left of its weight."""
    bins = codec.bins
    parts = [_cut(bins, codec.step, low, high) for low, high in choice.ranges]
    code_of_cell = np.repeat(np.arange(len(bins)), np.diff(bins.starts))
    code = np.concatenate([code_of_cell[cells] for cells, *_ in parts] or [np.zeros(0, dtype=np.int64)])
    lows, highs, weights = (np.concatenate([part[place] for part in parts] or [np.zeros(0)]) for place in (1, 2, 3))
    whole = np.bincount(code_of_cell, bins.weights, minlength=len(bins))
    left = np.bincount(code, weights, minlength=len(bins))
    shares = np.divide(left, whole, out=np.zeros(len(bins)), where=whole > 0)
    if shares.max(initial=0.0) < 1e-6:
        # Single numbers of a continuum: what counts is how likely they are beside each other.
        shares = shares / max(shares.max(initial=0.0), np.finfo(float).tiny)
    kept = np.flatnonzero(left <= 0)
    # Codes that are not allowed keep their cells: they are never drawn, but must stay whole.
    keep = np.isin(code_of_cell, kept)
    order = np.lexsort((np.concatenate([lows, bins.lows[keep]]), np.concatenate([code, code_of_cell[keep]])))
    cut = Bins(
        lows=np.concatenate([lows, bins.lows[keep]])[order],
        highs=np.concatenate([highs, bins.highs[keep]])[order],
        weights=np.concatenate([weights, bins.weights[keep]])[order],
        starts=np.concatenate(
            [[0], np.cumsum(np.bincount(np.concatenate([code, code_of_cell[keep]]), minlength=len(bins)))]
        ),
        counts=bins.counts,
    )
    if codec.missing is not None:
        shares = np.append(shares, float(choice.missing and not codec.never))
    return Chosen(replace(codec, bins=cut), {codec.column.name: Allowed(np.clip(shares, 0.0, 1.0)[None])})


def _cut(bins: Bins, step: float | None, low: float, high: float) -> tuple[NDArray[np.int64], Floats, Floats, Floats]:
    """The cells that reach into a range: their numbers, and lows, highs and weights of what lies in it."""
    cells = np.flatnonzero((bins.highs >= low) & (bins.lows <= high))
    lows, highs, weights = bins.lows[cells], bins.highs[cells], bins.weights[cells]
    width = highs - lows
    if step is None:
        begin, end = np.maximum(lows, low), np.minimum(highs, high)
        share = np.divide(np.maximum(end - begin, _POINT * width), width, out=np.ones(len(cells)), where=width > 0)
        return cells, begin, end, weights * share
    # A cell holds the numbers low, low + step, ... up to high.
    count = np.floor(width / step + 1e-9) + 1
    first = np.maximum(np.ceil((low - lows) / step - 1e-9), 0)
    last = np.minimum(np.floor((high - lows) / step + 1e-9), count - 1)
    fits = last >= first
    begin = np.where(first > 0, lows + first * step, lows)
    end = np.where(last < count - 1, lows + last * step, highs)
    return tuple(part[fits] for part in (cells, begin, end, weights * (last - first + 1) / count))


def exactly(codec: Codec, values: pd.Series, *, by_row: bool = False) -> dict[str, Allowed]:
    """Exactly the code of each value, for units or rows."""
    codes = codec.encode(values)
    return {
        name: Allowed.codes(codes[:, place], size, by_row=by_row)
        for place, (name, size) in enumerate(zip(code_names(codec), codec.sizes, strict=True))
    }


def freed(allowed: dict[str, Allowed], free: NDArray[np.bool_], closed: int | None = None) -> dict[str, Allowed]:
    """The same, but with every code allowed for the units (or rows) that are ``free``.

    ``closed``: a code of the first code column that stays closed all the same, unless it is the only one.
    """
    result = {}
    for place, (name, part) in enumerate(allowed.items()):
        assert part.which is not None
        every = np.ones((1, part.shares.shape[1]))
        if place == 0 and closed is not None and every.shape[1] > 1:
            every[0, closed] = 0.0
        shares = np.concatenate([part.shares, every])
        result[name] = replace(part, shares=shares, which=np.where(free, len(part.shares), part.which))
    return result
