"""What engines learn from and give back: arrays of codes."""

from __future__ import annotations

import mmap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from shared.errors import DataError

# As codecs and engines give them; what is kept of a whole table has the narrowest type that holds its sizes.
Codes = NDArray[np.int32]
# Where codes lie on the number line, NaN for missing; None for categories.
Positions = NDArray[np.float64] | None
AnyCodes = NDArray[np.integer[Any]]


class MappedPages:
    """Pages of a mapped file, which are let go of before they make up much of the memory of this process."""

    def __init__(self, mapped: mmap.mmap, most: int) -> None:
        self._mapped = mapped
        self._most = max(1, most // mmap.PAGESIZE)
        self._count = 0

    def touched(self, pages: int) -> None:
        """At most so many more pages were read. They stay in the page cache of the system if it has room."""
        self._count += pages
        if self._count >= self._most:
            self._mapped.madvise(mmap.MADV_DONTNEED)
            self._count = 0


@dataclass(frozen=True, eq=False)
class Rows:
    """One table of codes.

    ``codes`` has shape ``(rows, columns)`` with ``0 <= codes[:, j] < sizes[j]``; ``names`` has one
    name a code column (a column of the table may need several). ``pages`` are those that ``codes`` lies on
    if it is mapped from a file.
    """

    codes: AnyCodes
    sizes: tuple[int, ...]
    names: tuple[str, ...]
    pages: MappedPages | None = None

    def __post_init__(self) -> None:
        if self.codes.ndim != 2 or self.codes.shape[1] != len(self.sizes) or len(self.sizes) != len(self.names):
            raise DataError(
                f"codes of shape {self.codes.shape} do not fit {len(self.sizes)} sizes and {len(self.names)} names"
            )

    def __len__(self) -> int:
        return len(self.codes)

    def at(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The codes of some rows, shape ``(len(rows), columns)``."""
        codes = self.codes[rows].astype(np.int64)
        if self.pages is not None:
            self.pages.touched(len(rows))
        return codes


@dataclass(frozen=True, eq=False)
class Histories:
    """Units with ordered child rows.

    ``units`` has one row a unit (it may have no columns), ``rows`` the child rows of all units one
    after another, ``offsets`` shape ``(units + 1,)``: the rows of unit ``i`` are
    ``offsets[i]:offsets[i + 1]``. A flat table in which every row is a unit is a history with one
    row a unit and no unit columns.

    ``groups``, if there are any, has shape ``(examples + 1,)``: units ``groups[i]:groups[i + 1]`` are one example
    of training, such as all encounters of a patient, each with its diagnoses. ``None``: each unit is one.
    """

    units: Rows
    rows: Rows
    offsets: NDArray[np.int64]
    groups: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if len(self.offsets) != len(self.units) + 1 or self.offsets[-1] != len(self.rows):
            raise DataError(
                f"offsets of length {len(self.offsets)} do not fit {len(self.units)} units, {len(self.rows)} rows"
            )

    def __len__(self) -> int:
        return len(self.units)

    @property
    def examples(self) -> int:
        """Number of examples that training draws from."""
        return len(self) if self.groups is None else len(self.groups) - 1

    @property
    def rows_per_unit(self) -> NDArray[np.int64]:
        """Shape ``(units,)``."""
        return np.diff(self.offsets)

    def take(self, indices: NDArray[np.int64]) -> Histories:
        """The units at ``indices`` with all their rows."""
        lengths = self.rows_per_unit[indices]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        rows = np.repeat(self.offsets[:-1][indices] - offsets[:-1], lengths) + np.arange(offsets[-1])
        units = Rows(self.units.codes[indices], self.units.sizes, self.units.names)
        return Histories(units, Rows(self.rows.codes[rows], self.rows.sizes, self.rows.names), offsets)

    @classmethod
    def joined(cls, parts: Sequence[Histories]) -> Histories:
        """Several batches of the same columns as one."""
        units, rows = [part.units for part in parts], [part.rows for part in parts]
        lengths = np.concatenate([part.rows_per_unit for part in parts])
        return cls(
            Rows(np.concatenate([u.codes for u in units]), units[0].sizes, units[0].names),
            Rows(np.concatenate([r.codes for r in rows]), rows[0].sizes, rows[0].names),
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        )


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts as token ids, each hanging on a row.

    ``tokens`` holds those of all texts one after another, ``0 <= tokens < size``; ``offsets`` has shape
    ``(texts + 1,)``: those of text ``i`` are ``offsets[i]:offsets[i + 1]``. The first ``prompts[i]`` of them say what
    is given of the text (its row's structured fields), the others are the text itself; ``prompts`` has shape
    ``(texts,)``. ``rows``, of the same shape, is the row that a text hangs on.

    ``groups``, if there are any, has shape ``(examples + 1,)``: texts ``groups[i]:groups[i + 1]`` are one example of
    training, such as all that one customer wrote. ``None``: each text is one.
    """

    tokens: Codes
    offsets: NDArray[np.int64]
    prompts: NDArray[np.int64]
    rows: NDArray[np.int64]
    size: int
    groups: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        texts = len(self.offsets) - 1
        if len(self.prompts) != texts or len(self.rows) != texts or self.offsets[-1] != len(self.tokens):
            raise DataError(
                f"offsets of length {len(self.offsets)} do not fit {len(self.prompts)} prompts, {len(self.rows)} rows "
                f"and {len(self.tokens)} tokens"
            )
        if len(self.tokens) and not 0 <= int(self.tokens.min()) <= int(self.tokens.max()) < self.size:
            raise DataError(
                f"a token is none of the {self.size} of the tokeniser; encode texts with that of the engine"
            )
        if np.any(self.prompts > self.lengths) or np.any(self.prompts < 0):
            raise DataError("a prompt is longer than its text; prompts count the leading tokens of a text")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text, its prompt's included, shape ``(texts,)``."""
        return np.diff(self.offsets)

    @property
    def examples(self) -> int:
        """Number of examples that training draws from."""
        return len(self) if self.groups is None else len(self.groups) - 1

    def of_examples(self, drawn: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The texts of drawn examples, and for each the place of its example among the drawn; both ascend in place."""
        return _members(self.groups, drawn)

    def ids(self, text: int) -> Codes:
        """All tokens of one text."""
        return self.tokens[self.offsets[text] : self.offsets[text + 1]]

    def written(self, text: int) -> Codes:
        """The tokens after the prompt of one text."""
        return self.ids(text)[self.prompts[text] :]

    @classmethod
    def of(
        cls,
        prompts: Sequence[Sequence[int]],
        texts: Sequence[Sequence[int]],
        size: int,
        *,
        rows: NDArray[np.int64] | None = None,
        groups: NDArray[np.int64] | None = None,
    ) -> Self:
        """From lists of token ids; text ``i`` hangs on row ``i`` unless told otherwise."""
        parts = [[*prompt, *text] for prompt, text in zip(prompts, texts, strict=True)]
        offsets = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
        tokens = np.fromiter((token for part in parts for token in part), dtype=np.int32, count=int(offsets[-1]))
        lengths = np.array([len(prompt) for prompt in prompts], dtype=np.int64)
        return cls(tokens, offsets, lengths, np.arange(len(parts)) if rows is None else rows, size, groups)


@dataclass(frozen=True, eq=False)
class Images:
    """Images of equal size, each under a label.

    ``pixels`` has shape ``(images, height, width, channels)``, from 0 to 255; ``labels`` shape ``(images,)``, with
    ``0 <= labels < len(names)``; ``names`` says what they stand for.

    ``groups``, if there are any, has shape ``(examples + 1,)``: images ``groups[i]:groups[i + 1]`` are one example of
    training, such as all that were taken of one patient. ``None``: each image is one.
    """

    pixels: NDArray[np.uint8]
    labels: Codes
    names: tuple[str, ...]
    groups: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 4:
            raise DataError(
                f"pixels of type {self.pixels.dtype} and shape {self.pixels.shape}; give whole numbers of one byte, "
                "of shape (images, height, width, channels)"
            )
        if self.labels.shape != (len(self.pixels),):
            raise DataError(f"labels of shape {self.labels.shape} do not fit {len(self.pixels)} images; give one each")
        if len(self.labels) and not 0 <= int(self.labels.min()) <= int(self.labels.max()) < len(self.names):
            raise DataError(f"a label is none of the {len(self.names)} that have names; number them from 0")

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def size(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        height, width, channels = self.pixels.shape[1:]
        return height, width, channels

    @property
    def examples(self) -> int:
        """Number of examples that training draws from."""
        return len(self) if self.groups is None else len(self.groups) - 1

    def of_examples(self, drawn: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The images of drawn examples, and for each the place of its example among the drawn."""
        return _members(self.groups, drawn)

    def take(self, indices: NDArray[np.int64]) -> Images:
        """The images at ``indices``, each an example of its own."""
        return Images(self.pixels[indices], self.labels[indices], self.names)

    @classmethod
    def joined(cls, parts: Sequence[Images]) -> Images:
        """Several batches of the same size and labels as one."""
        pixels = np.concatenate([part.pixels for part in parts])
        return cls(pixels, np.concatenate([part.labels for part in parts]), parts[0].names)


Encoded = Histories


def _members(groups: NDArray[np.int64] | None, drawn: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What drawn examples hold, and for each the place of its example among the drawn."""
    if groups is None:
        return drawn, np.arange(len(drawn), dtype=np.int64)
    starts, counts = groups[:-1][drawn], np.diff(groups)[drawn]
    places = np.repeat(np.arange(len(drawn)), counts)
    firsts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64) if len(drawn) else counts
    return (np.repeat(starts - firsts, counts) + np.arange(counts.sum())).astype(np.int64), places


@dataclass(frozen=True)
class Applies:
    """A row column that says something in some rows only; in others it holds ``blank``, and nothing is learned of it.

    These are the rows in which column ``by`` holds one of ``codes``, or, without ``by``, the first row of each unit
    (``first_row``) or all others. ``required``: where it applies it never holds ``blank``.
    """

    column: str
    blank: int
    by: str | None = None
    codes: tuple[int, ...] = ()
    first_row: bool = False
    required: bool = False

    def exclusions(self, size: int, by_size: int) -> tuple[CodeExclusion, ...]:
        """What keeps to it, for a column of ``size`` codes and one of ``by_size`` beside it."""
        filled, blank = frozenset(range(size)) - {self.blank}, frozenset({self.blank})
        if self.by is None:
            apart = CodeExclusion(((self.column, filled),), first_row=not self.first_row)
            needed = CodeExclusion(((self.column, blank),), first_row=self.first_row)
        else:
            other = frozenset(range(by_size)) - frozenset(self.codes)
            apart = CodeExclusion(((self.by, other), (self.column, filled)))
            needed = CodeExclusion(((self.by, frozenset(self.codes)), (self.column, blank)))
        return (apart, needed) if self.required else (apart,)


@dataclass(frozen=True, eq=False)
class Shape:
    """What an engine must know of its data before it sees any.

    ``unit_marginals`` and ``row_marginals`` hold one array of shape ``(size,)`` for each code
    column: how often each code occurs, as the access answered it (exact, or noisy and clipped at
    zero). ``rows_per_unit`` has shape ``(most rows + 1,)``: how many units have so many rows.
    ``empty_units`` declares that there are units without rows (parents without children); otherwise
    what ``rows_per_unit`` counts of them is noise. ``given_units`` declares that the columns of units and their
    numbers of rows are always given (rows of a table whose parents come from another engine): nothing is learned
    of how frequent they are.

    ``unit_positions`` and ``row_positions``, if given, say of each code column where its codes lie on the number line:
    an array of shape ``(size,)`` with the middle of what a code stands for, NaN for that of missing, or ``None`` for
    a category. They are computed from what the codecs learned, not from records. Empty: all are categories.

    ``words``, if there are any, has for each code column the word that each of its codes stands for, -1 for none:
    columns that share words hold codes of one vocabulary, such as three diagnoses of a visit. ``applies`` says which
    row columns say something in some rows only.
    """

    unit_names: tuple[str, ...]
    unit_marginals: tuple[NDArray[np.float64], ...]
    row_names: tuple[str, ...]
    row_marginals: tuple[NDArray[np.float64], ...]
    rows_per_unit: NDArray[np.float64]
    empty_units: bool = False
    given_units: bool = False
    unit_positions: tuple[Positions, ...] = ()
    row_positions: tuple[Positions, ...] = ()
    words: tuple[tuple[int, ...], ...] = ()
    applies: tuple[Applies, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All code columns, those of units first."""
        return self.unit_names + self.row_names

    @property
    def unit_sizes(self) -> tuple[int, ...]:
        return tuple(len(marginal) for marginal in self.unit_marginals)

    @property
    def row_sizes(self) -> tuple[int, ...]:
        return tuple(len(marginal) for marginal in self.row_marginals)


@dataclass(frozen=True)
class CodeExclusion:
    """Codes of a row (or of its unit) that must not occur together.

    ``parts`` maps the name of a code column to the codes concerned: a row breaks the exclusion if
    each named column holds one of its codes. An engine enforces it while sampling, by closing the
    codes of whichever of the columns it draws last. ``last_row``: the exclusion concerns only rows
    that are (``True``) or are not (``False``) the last of their unit; ``None``: all rows. ``first_row`` likewise.
    """

    parts: tuple[tuple[str, frozenset[int]], ...]
    last_row: bool | None = None
    first_row: bool | None = None


@dataclass(frozen=True, eq=False)
class Allowed:
    """What one code column may hold, for each unit (or row) its own.

    ``shares`` has shape ``(sets, size)``: how much of what a code stands for is allowed, from 0 (the
    code is not allowed) to 1 (all of it). Unit ``i`` has the set ``which[i]``, and its condition holds for
    every one of its rows if the column is one of rows; ``which`` of ``None`` gives all the first set. Where
    :attr:`Given.rows_per_unit` is fixed, ``which`` of a row column may have one entry a row instead: ``by_row``.
    """

    shares: NDArray[np.float64]
    which: NDArray[np.int64] | None = None
    by_row: bool = False

    def __post_init__(self) -> None:
        if self.shares.ndim != 2 or not np.all((self.shares >= 0) & (self.shares <= 1)):
            raise DataError(f"allowed shares of shape {self.shares.shape} must be (sets, size), each from 0 to 1")
        if (
            self.which is not None
            and len(self.which)
            and not 0 <= self.which.min() <= self.which.max() < len(self.shares)
        ):
            raise DataError(f"a unit names an allowed set that is none of {len(self.shares)}")

    @classmethod
    def codes(cls, codes: AnyCodes, size: int, *, by_row: bool = False) -> Self:
        """Exactly one code for each unit (or row)."""
        return cls(np.eye(size), codes.astype(np.int64), by_row)


@dataclass(frozen=True, eq=False)
class Given:
    """What is fixed of the units that are sampled: the engine draws the rest given it, from its own distribution.

    ``columns`` maps names of code columns, of units or rows, to what they may hold; columns that are not
    named are free. ``rows_per_unit``, shape ``(units,)``, fixes the number of rows; ``None`` leaves it
    free. ``never``: combinations that must not occur, further conditions of all units (a condition on a
    column of two digits needs them). The number of units is that of the ``sample`` call.

    ``units``, shape ``(units, unit columns)``, gives all codes of the units themselves; their numbers of rows are
    given with them, and nothing else is.
    """

    columns: Mapping[str, Allowed] = field(default_factory=dict)
    rows_per_unit: NDArray[np.int64] | None = None
    never: tuple[CodeExclusion, ...] = ()
    units: AnyCodes | None = None

    def __post_init__(self) -> None:
        if self.units is not None and (self.rows_per_unit is None or self.columns or self.never):
            raise DataError("units that are given whole come with their numbers of rows, and with nothing else")

    @classmethod
    def of_units(cls, units: Rows, rows_per_unit: NDArray[np.int64] | None = None) -> Self:
        """All columns of the units as they are; their rows are drawn, and how many there are unless it is fixed."""
        if rows_per_unit is not None:
            return cls(rows_per_unit=rows_per_unit, units=units.codes)
        columns = zip(units.names, units.codes.T, units.sizes, strict=True)
        return cls({name: Allowed.codes(codes, size) for name, codes, size in columns}, rows_per_unit)


def flat(codes: Codes, sizes: Sequence[int], names: Sequence[str]) -> Histories:
    """A flat table as histories of one row each."""
    rows = Rows(codes, tuple(sizes), tuple(names))
    none = Rows(np.zeros((len(rows), 0), dtype=np.int32), (), ())
    return Histories(none, rows, np.arange(len(rows) + 1, dtype=np.int64))
