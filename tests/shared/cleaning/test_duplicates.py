from __future__ import annotations

import numpy as np

from shared.cleaning.duplicates import near_rows, repeated_contents, repeated_keys, repeated_rows, repeated_units
from shared.corpus.lenient import TextCorpus
from shared.corpus.schema import Column
from tests.shared.cleaning.tables import corpus_of, found

NAMES = ("Ada Lovelace", "Grace Hopper", "Mary Jackson", "Emmy Noether", "Marie Curie", "Lise Meitner")
COLUMNS = [
    Column(name="id", kind="identifier"),
    Column(name="name", kind="identifier"),
    *(Column(name=f"x{place}", kind="real") for place in range(6)),
]


def people(changes: dict[tuple[int, str], str], copies: dict[int, int]) -> TextCorpus:
    """Thirty people with six measurements; rows are copied (from: times), then cells are changed."""
    random = np.random.default_rng(1)
    rows = [
        [f"{row}", NAMES[row % 6] + f" {row}", *(f"{x:.1f}" for x in random.normal(50, 10, 6))] for row in range(30)
    ]
    rows += [[f"{30 + place}", *rows[row][1:]] for place, row in enumerate(copies)]
    for (row, name), text in changes.items():
        rows[row - 1][[column.name for column in COLUMNS].index(name)] = text
    columns = list(zip(*rows, strict=True))
    return corpus_of(
        COLUMNS, {c.name: list(values) for c, values in zip(COLUMNS, columns, strict=True)}, primary_key="id"
    )


def test_equal_rows_are_dropped_but_the_first() -> None:
    (step,) = found(repeated_rows, people({(31, "id"): "4"}, {4: 1}))
    assert (step.action.rows, step.enabled) == ((31,), True)  # type: ignore[union-attr]


def test_rows_that_differ_in_their_key_alone_are_dropped() -> None:
    (step,) = found(repeated_contents, people({}, {4: 1}))
    assert (step.action.rows, step.enabled) == ((31,), True)  # type: ignore[union-attr]


def test_one_key_with_two_contents_is_reported() -> None:
    (step,) = found(repeated_keys, people({(30, "id"): "3"}, {}))
    assert (step.action.rows, step.enabled) == ((30,), False)  # type: ignore[union-attr]


def test_rows_that_differ_a_little_are_reported() -> None:
    (step,) = found(near_rows, people({(31, "name"): "Mary Jakson 20", (32, "x3"): "", (32, "x4"): ""}, {20: 1, 7: 1}))
    assert step.action.rows[0] == 31  # type: ignore[union-attr]
    assert not step.enabled


def test_rows_that_differ_much_are_no_duplicates() -> None:
    assert found(near_rows, people({(31, "name"): "Rosalind Franklin"}, {20: 1})) == []
    assert found(near_rows, people({(31, f"x{place}"): "9.9" for place in range(3)}, {20: 1})) == []
    assert found(near_rows, people({}, {})) == []


def test_a_person_under_two_names_is_one_unit() -> None:
    columns = [
        Column(name="patient", kind="identifier"),
        Column(name="name", kind="identifier", of_unit=True),
        Column(name="address", kind="identifier", of_unit=True),
        Column(name="sex", kind="categorical", of_unit=True),
        Column(name="born", kind="integer", of_unit=True),
    ]
    rows: dict[str, list[str | None]] = {
        "patient": ["P1", "P1", "P2", "P3"],
        "name": ["Ada Lovelace", "Ada Lovelace", "Ada Lovelcae", "Ada Lovelace"],
        "address": ["12 Main Street", "12 Main Street", "12 Main Street", "99 Harbour Road"],
        "sex": ["F", "F", "F", "F"],
        "born": ["1815", "1815", "1815", "1850"],
    }
    (step,) = found(repeated_units, corpus_of(columns, rows, unit="patient"))
    assert step.action.values == {"P2": "P1"}  # type: ignore[union-attr]
    assert (step.basis, step.enabled) == ("learned", False)
