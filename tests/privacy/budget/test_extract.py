"""What a release shows of the ledger: its own source's caps and charges as one chain, and nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from privacy.budget.accountant import Accountant
from privacy.budget.events import Gaussian, to_json
from privacy.budget.extract import Extract, check_charge, read_extract
from privacy.budget.ledger import Ledger
from privacy.budget.status import Cap
from shared.errors import DataError

CAP = Cap(epsilon=10, delta=1e-6)
EVENTS = (Gaussian(8.0),)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(tmp_path / "ledger.sqlite", clock=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


def charge(ledger: Ledger, release: str, source: str = "a", parent: str | None = None) -> Extract:
    ledger.source(source, parent=parent, default_cap=CAP)
    return ledger.extract(ledger.reserve(source, EVENTS, release=release, fingerprint="seed-in-here"))


def test_the_chain_has_the_caps_and_charges_of_the_source_in_their_order(ledger):
    charge(ledger, "one")
    ledger.set_cap("a", 12, 1e-6)
    extract = charge(ledger, "two")
    assert [link.kind for link in extract.links] == ["cap", "charge", "cap", "charge"]
    assert [entry["release"] for entry in extract.charges] == ["one", "two"]
    assert extract.cap == Cap(epsilon=12, delta=1e-6)
    assert extract.spent == Accountant().epsilon([*EVENTS, *EVENTS], 1e-6)
    assert extract.related is False


def test_it_is_read_back_as_it_was_written(ledger):
    extract = charge(ledger, "one")
    assert read_extract(extract.to_json()) == extract


def test_it_ends_with_its_own_charge_whatever_came_later(ledger):
    ledger.source("a", default_cap=CAP)
    reservation = ledger.reserve("a", EVENTS, release="one")
    before = ledger.extract(reservation)
    ledger.settle(reservation)
    charge(ledger, "two")
    ledger.set_cap("a", 20, 1e-6)
    assert ledger.extract(reservation) == before


def test_a_later_extract_begins_with_the_earlier_one(ledger):
    first = charge(ledger, "one")
    charge(ledger, "other", source="b")
    second = charge(ledger, "two")
    assert second.links[: len(first.links)] == first.links


def test_the_charge_bears_its_hash_in_the_ledgers_own_chain(ledger):
    ledger.source("a", default_cap=CAP)
    reservation = ledger.reserve("a", EVENTS, release="one")
    extract = ledger.extract(reservation)
    assert extract.charges[-1]["ledger_hash"] == reservation.head
    assert ledger.holds(reservation.head)


def test_how_runs_ended_changes_nothing_but_the_hash_in_the_ledger(tmp_path):
    """Whether a run failed, and when, may follow from records."""
    found = []
    for end in ("settle", "fail", "nothing"):
        ledger = Ledger.open(tmp_path / end, clock=lambda: datetime(2026, 1, 2, tzinfo=UTC))
        ledger.source("a", default_cap=CAP)
        reservation = ledger.reserve("a", EVENTS, release="one")
        if end == "settle":
            ledger.settle(reservation)
        elif end == "fail":
            ledger.fail(reservation, "DataError")
        content = json.loads(charge(ledger, "two").to_json())
        for entry in content["entries"]:
            entry.pop("hash")
            entry.pop("ledger_hash", None)
        found.append(content)
    assert found[0] == found[1] == found[2]


def test_other_sources_are_not_shown_nor_how_many_records_the_ledger_has(tmp_path):
    texts = []
    for others in (0, 3):
        ledger = Ledger.open(tmp_path / str(others), clock=lambda: datetime(2026, 1, 2, tzinfo=UTC))
        for number in range(others):
            charge(ledger, f"secret-{number}", source=f"elsewhere-{number}")
        extract = charge(ledger, "one")
        text = extract.to_json().replace(extract.charges[0]["ledger_hash"], "").replace(extract.links[1].hash, "")
        assert "elsewhere" not in text
        texts.append(text)
    assert texts[0] == texts[1]


def test_no_key_no_fingerprint_and_no_second_is_shown(ledger):
    text = charge(ledger, "one").to_json()
    assert "seed-in-here" not in text
    assert "key" not in text
    assert "2026-01-02" in text
    assert "03:04" not in text


def test_charges_of_related_sources_count_and_are_not_shown(ledger):
    charge(ledger, "of-the-whole", source="hospital")
    extract = charge(ledger, "of-the-ward", source="ward", parent="hospital")
    assert extract.related is True
    assert extract.spent == Accountant().epsilon([*EVENTS, *EVENTS], 1e-6)
    assert [entry["release"] for entry in extract.charges] == ["of-the-ward"]
    assert "hospital" not in extract.to_json()


def test_the_charge_is_that_of_the_release(ledger):
    extract = charge(ledger, "one")
    events = json.loads(to_json(EVENTS))
    given = {"source": "a", "release": "one", "events": events, "head": extract.charges[-1]["ledger_hash"]}
    check_charge(extract, **given)
    for changed, says in (
        ({"source": "b"}, "is of source 'a'; the release is of 'b'"),
        ({"release": "two"}, "ends with 'one'; it must end with the charge of 'two'"),
        ({"events": json.loads(to_json([Gaussian(9.0)]))}, "other mechanisms than the manifest's"),
        ({"head": "00"}, "another hash in the ledger than the manifest's ledger_head"),
    ):
        with pytest.raises(DataError, match=says):
            check_charge(extract, **{**given, **changed})


def test_a_release_that_was_charged_twice_is_refused(ledger):
    charge(ledger, "one")
    extract = charge(ledger, "one")
    with pytest.raises(DataError, match="several charges of 'one'"):
        check_charge(
            extract, source="a", release="one", events=json.loads(to_json(EVENTS)),
            head=extract.charges[-1]["ledger_hash"],
        )  # fmt: skip


def test_another_spelling_of_the_same_extract_is_refused(ledger):
    text = charge(ledger, "one").to_json()
    with pytest.raises(DataError, match="not written as a ledger writes it"):
        read_extract(text + " ")
    with pytest.raises(DataError, match="not written as a ledger writes it"):
        read_extract(text.replace('"spent":', '"spent": 1, "spent":'))


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", '{"format": "other/1"}', "[" * 100_000])
def test_what_is_no_extract_is_said(text):
    with pytest.raises(DataError, match="cannot be read|has format"):
        read_extract(text)
