"""Units whose classes are chosen: so many of each value of a column, or of each pair of values of two columns."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from domains.pipeline.conditions import Conditions, check_modelled
from domains.pipeline.given_file import conditions_of
from domains.pipeline.model import Model
from domains.pipeline.sampling import prepare
from shared.codecs.choices import categories_of
from shared.corpus.corpus import DTYPES
from shared.corpus.schema import Column, Table
from shared.errors import ConfigurationError
from shared.randomness import derive, numpy_generator
from shared.training.reporter import Reporter


def class_column(model: Model, name: str) -> Column:
    """The column, if its values can be chosen; ``ConfigurationError`` for one that the model does not draw as classes.

    It must be one value a unit: a choice for a column of rows would hold in every row of the unit.
    """
    table = model.only
    if name not in table.table.names:
        raise ConfigurationError(f"there is no column {name!r}; the columns are {', '.join(table.table.names)}")
    check_modelled(name, table.codec, table.constraints)
    column = table.table.column(name)
    if categories_of(table.codec.codecs[name]) is None:
        raise ConfigurationError(
            f"column {name!r} is {column.kind}; only categories and booleans have a mix of classes"
        )
    if table.table.unit is not None and not column.of_unit:
        raise ConfigurationError(
            f"column {name!r} has a value a row, and units have several; choose one that is of the unit"
        )
    return column


def checked_classes(model: Model, name: str, classes: Sequence[str]) -> None:
    """Raise ``ConfigurationError`` for the first class that the model never gives the column."""
    known = categories_of(model.only.codec.codecs[name]) or ()
    for word in classes:
        if word not in known:
            raise ConfigurationError(f"the model gives {name!r} no value {word!r}; it gives {', '.join(known)}")


def exact_counts(size: int, shares: Mapping[str, float]) -> dict[str, int]:
    """Whole numbers that add up to ``size`` in the given shares, by largest remainder."""
    if any(not share >= 0 for share in shares.values()) or not math.isclose(sum(shares.values()), 1.0, abs_tol=1e-6):
        given = ", ".join(f"{name}={share:g}" for name, share in shares.items())
        raise ConfigurationError(f"the shares {given} are not zero or more with the sum 1; correct them")
    exact = {name: size * share for name, share in shares.items()}
    counts = {name: math.floor(value + 1e-9) for name, value in exact.items()}
    order = sorted(exact, key=lambda name: counts[name] - exact[name])
    for name in order[: size - sum(counts.values())]:
        counts[name] += 1
    return counts


def with_classes(model: Model, classes: Mapping[str, Sequence[str]], *, seed: int) -> tuple[Conditions, int]:
    """Conditions of one unit for each place of the lists, in an order drawn at random; and how many there are."""
    table = model.only
    order = numpy_generator(seed, "classes").permutation(len(next(iter(classes.values()))))
    values = {}
    for name, words in classes.items():
        column = dataclasses.replace(table.table.column(name), missing=None)
        chosen = pd.array(np.array(list(words), dtype=object)[order].tolist(), dtype="str")
        values[name] = _typed(pd.Series(chosen, name=name), column)
    part = _part(table.table, list(classes))
    return conditions_of(
        pd.DataFrame(values), part, table.codec, table.constraints, source="the mix of classes", fill_missing=False
    )


def draw_with_classes(
    model: Model, folder: Path, classes: Mapping[str, Sequence[str]], *, seed: int, reporter: Reporter
) -> pd.DataFrame:
    """One unit for each place of the lists, drawn from the model's distribution given its classes."""
    conditions, units = with_classes(model, classes, seed=seed)
    # The classes of real records may be among them: no trace of them is kept beside the model.
    prepare(model, folder, conditions, units, reporter, internal=True)
    frames = model.frames(units, seed=derive(seed, "drawn"), reporter=reporter, conditions=conditions)
    return pd.concat(list(frames), ignore_index=True)


def _part(table: Table, names: Sequence[str]) -> Table:
    """The table with some of its columns, a unit a row."""
    columns = tuple(dataclasses.replace(table.column(name), of_unit=False) for name in names)
    return dataclasses.replace(table, columns=columns, foreign_keys=(), primary_key=None, unit=None, order_by=None)


def _typed(words: pd.Series, column: Column) -> pd.Series:
    if column.kind == "boolean":
        return words.map({"true": True, "false": False}).astype(DTYPES["boolean"])
    return words.astype(DTYPES[column.kind])
