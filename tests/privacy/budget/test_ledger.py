import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest

from privacy.budget.accountant import epsilon
from privacy.budget.calibration import gaussian_multiplier
from privacy.budget.chain import Book, chained
from privacy.budget.events import EpsilonDelta, Gaussian, Laplace
from privacy.budget.ledger import Ledger
from privacy.budget.status import Cap
from shared.errors import BudgetRefused, ConfigurationError, DataError, OutputError

CAP = Cap(epsilon=1.8, delta=1e-6)
RELEASE = (Gaussian(4.0), Laplace(30.0, 2))  # 1.08 alone, 1.57 twice, 1.97 three times


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(place: Path) -> Ledger:
    return Ledger.open(place)


def ticking() -> Callable[[], datetime]:
    """A clock that moves on by an hour each time it is read."""
    now = [datetime(2026, 1, 1, tzinfo=UTC)]

    def read() -> datetime:
        now[0] += timedelta(hours=1)
        return now[0]

    return read


def test_a_source_gets_a_key_of_its_own_that_stays(ledger: Ledger, place: Path) -> None:
    first, other = ledger.source("a"), ledger.source("b")

    assert len(first.key) == 32
    assert first.key != other.key
    assert Ledger.open(place).source("a").key == first.key
    assert first.key.hex() not in repr(first)
    assert repr(first.key) not in repr(first)


def test_a_subset_has_the_key_of_its_parent_so_that_holdouts_agree(ledger: Ledger) -> None:
    subset = ledger.source("a/2024", parent="a")

    assert subset.key == ledger.source("a").key
    assert ledger.source("a/2024").parent == "a"


def test_the_file_is_its_owners_alone(ledger: Ledger, place: Path) -> None:
    assert stat.S_IMODE(place.stat().st_mode) == 0o600

    place.chmod(0o644)
    Ledger.open(place)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600


def test_the_default_cap_is_stored_at_first_use_and_stays(ledger: Ledger) -> None:
    assert ledger.source("a", default_cap=CAP).cap == CAP
    assert ledger.source("a", default_cap=Cap(epsilon=9.0, delta=1e-5)).cap == CAP


def test_a_charge_counts_from_reservation_on_whatever_becomes_of_the_run(ledger: Ledger) -> None:
    ledger.source("a", default_cap=Cap(epsilon=10.0, delta=1e-6))
    reserved, settled, failed = (ledger.reserve("a", RELEASE, release=name) for name in ("one", "two", "three"))
    ledger.settle(settled)
    ledger.fail(failed, "out of memory")

    assert ledger.spent("a") == epsilon(RELEASE * 3, 1e-6)
    history = ledger.history("a")
    assert [entry.state for entry in history] == ["reserved", "spent", "failed"]
    assert [entry.number for entry in history] == [reserved.number, settled.number, failed.number]
    assert history[2].reason == "out of memory"


def test_a_charge_says_what_the_release_costs_alone(ledger: Ledger) -> None:
    ledger.source("a", default_cap=CAP)
    reservation = ledger.reserve("a", RELEASE, release="one", fingerprint="f00")

    (entry,) = ledger.history("a")
    assert entry.epsilon == reservation.epsilon == epsilon(RELEASE, 1e-6)
    assert (entry.delta, entry.release, entry.fingerprint, entry.events) == (1e-6, "one", "f00", RELEASE)
    assert reservation.head == ledger.head() == entry.hash


def test_beyond_the_cap_is_refused_in_one_line_that_says_what_is_left(ledger: Ledger) -> None:
    ledger.source("a", default_cap=CAP)
    ledger.reserve("a", RELEASE, release="one")
    ledger.reserve("a", RELEASE, release="two")

    with pytest.raises(BudgetRefused) as refusal:
        ledger.reserve("a", RELEASE, release="three")

    line = str(refusal.value)
    spent, asked, both = (epsilon(RELEASE * times, 1e-6) for times in (2, 1, 3))
    assert line.startswith(f"source a has spent epsilon {spent:.2f} of its cap 1.8 at delta 1e-06; ")
    assert f"asks for {asked:.2f}, together {both:.2f}, and about " in line
    assert line.endswith("is left: lower its epsilon, or raise the cap with `simulacra ledger cap a`")
    assert "\n" not in line
    assert len(ledger.history("a")) == 2


def test_a_release_of_exactly_the_cap_is_granted_once(ledger: Ledger) -> None:
    ledger.source("a", default_cap=Cap(epsilon=epsilon(RELEASE, 1e-6), delta=1e-6))
    ledger.reserve("a", RELEASE, release="one")

    with pytest.raises(BudgetRefused, match="about 0.00 is left"):
        ledger.reserve("a", RELEASE, release="again")


def test_what_is_left_can_be_spent(ledger: Ledger) -> None:
    ledger.source("a", default_cap=CAP)
    ledger.reserve("a", RELEASE, release="one")
    left = ledger.status("a").left

    assert left is not None
    assert left > CAP.epsilon - ledger.spent("a")  # releases compose to less than their sum
    ledger.reserve("a", [Gaussian(gaussian_multiplier(left, 1e-6))], release="the rest")
    assert 0.97 * CAP.epsilon < ledger.spent("a") <= CAP.epsilon


def test_a_release_whose_delta_alone_passes_the_caps_is_refused(ledger: Ledger) -> None:
    ledger.source("a", default_cap=CAP)

    with pytest.raises(BudgetRefused, match="together infinity.*lower its delta or declare its categories"):
        ledger.reserve("a", [EpsilonDelta(0.1, 1e-5)], release="one")


def test_a_cap_that_is_lowered_grants_nothing_more_and_one_that_is_raised_does(ledger: Ledger) -> None:
    ledger.source("a", default_cap=CAP)
    ledger.reserve("a", RELEASE, release="one")
    ledger.set_cap("a", 0.5, 1e-6)

    with pytest.raises(BudgetRefused, match="of its cap 0.5"):
        ledger.reserve("a", [Gaussian(1000.0)], release="two")
    assert ledger.status("a").left == 0

    ledger.set_cap("a", 5, 1e-6)
    ledger.reserve("a", RELEASE, release="two")


def test_a_subset_spends_of_its_parents_cap_and_the_parent_of_the_subsets(ledger: Ledger) -> None:
    ledger.set_cap("all", 1.8, 1e-6)
    ledger.source("young", parent="all", default_cap=Cap(epsilon=9.0, delta=1e-6))
    ledger.reserve("young", RELEASE, release="one")
    ledger.reserve("all", RELEASE, release="two")

    assert ledger.spent("all") == ledger.spent("young") == epsilon(RELEASE * 2, 1e-6)
    with pytest.raises(BudgetRefused, match="source all has spent"):
        ledger.reserve("young", RELEASE, release="three")
    with pytest.raises(BudgetRefused, match="source all has spent"):
        ledger.reserve("all", RELEASE, release="three")


def test_a_subsets_own_cap_binds_its_parent_too(ledger: Ledger) -> None:
    ledger.set_cap("all", 9.0, 1e-6)
    ledger.source("frail", parent="all", default_cap=Cap(epsilon=1.0, delta=1e-6))

    with pytest.raises(BudgetRefused, match="source frail has spent epsilon 0.00 of its cap 1"):
        ledger.reserve("all", RELEASE, release="one")


def test_subsets_of_one_source_may_overlap_so_their_charges_compose(ledger: Ledger) -> None:
    wide = Cap(epsilon=9.0, delta=1e-6)
    ledger.set_cap("all", 1.8, 1e-6)
    ledger.source("young", parent="all", default_cap=wide)
    ledger.source("men", parent="all", default_cap=wide)
    ledger.reserve("young", RELEASE, release="one")
    ledger.reserve("men", RELEASE, release="two")

    with pytest.raises(BudgetRefused, match="source all has spent"):
        ledger.reserve("men", RELEASE, release="three")


def test_sources_that_do_not_hang_together_do_not_share(ledger: Ledger) -> None:
    for name in ("a", "b"):
        ledger.source(name, default_cap=CAP)
        ledger.reserve(name, RELEASE, release="one")

    assert ledger.spent("a") == epsilon(RELEASE, 1e-6)


def test_a_parent_declared_later_joins_what_was_spent(ledger: Ledger) -> None:
    for name in ("all", "young"):
        ledger.source(name, default_cap=CAP)
        ledger.reserve(name, RELEASE, release=name)
    ledger.source("young", parent="all")

    assert ledger.spent("young") == epsilon(RELEASE * 2, 1e-6)
    with pytest.raises(ConfigurationError, match="parent of source young is b; the ledger knows it as a subset of all"):
        ledger.source("young", parent="b")
    with pytest.raises(ConfigurationError, match="parent of source all is young, which is itself a subset of all"):
        ledger.source("all", parent="young")


def test_a_source_cannot_be_its_own_parent(ledger: Ledger) -> None:
    with pytest.raises(ConfigurationError, match="parent of source a is a, which is itself a subset of a"):
        ledger.source("a", parent="a")


def test_times_come_from_the_clock(place: Path) -> None:
    ledger = Ledger.open(place, clock=ticking())
    ledger.source("a", default_cap=CAP)  # register, cap: 01:00, 02:00
    ledger.settle(ledger.reserve("a", RELEASE, release="one"))

    (entry,) = ledger.history("a")
    assert entry.reserved == datetime(2026, 1, 1, 3, tzinfo=UTC)
    assert entry.ended == datetime(2026, 1, 1, 4, tzinfo=UTC)


def test_the_status_of_every_source_is_listed(ledger: Ledger) -> None:
    ledger.source("z")
    ledger.source("young", parent="all")
    ledger.set_cap("all", 1.8, 1e-6)
    ledger.reserve("all", RELEASE, release="one")

    everyone, young, z = ledger.sources()
    assert (everyone.id, everyone.releases, everyone.spent) == ("all", 1, epsilon(RELEASE, 1e-6))
    assert (young.id, young.parent, young.releases, young.family_releases, young.spent) == ("young", "all", 0, 1, None)
    assert (z.id, z.cap, z.spent, z.left, z.releases) == ("z", None, None, None, 0)


def test_a_charge_ends_once(ledger: Ledger) -> None:
    ledger.source("a", default_cap=CAP)
    reservation = ledger.reserve("a", RELEASE, release="one")
    ledger.settle(reservation)
    ledger.settle(reservation)

    with pytest.raises(ConfigurationError, match="has ended as spent; it ends only once"):
        ledger.fail(reservation, "late")
    with pytest.raises(ConfigurationError, match="the ledger has no charge 99"):
        ledger.settle(99)


@pytest.mark.parametrize(
    ("epsilon", "delta"), [(0, 1e-6), (-1, 1e-6), (float("inf"), 1e-6), (1, 0), (1, 1), (1, 1e-12)]
)
def test_a_cap_that_cannot_be_is_refused_and_nothing_is_written(ledger: Ledger, epsilon: float, delta: float) -> None:
    with pytest.raises(ConfigurationError, match="of a cap is"):
        ledger.set_cap("a", epsilon, delta)
    assert ledger.sources() == []


def test_charging_needs_a_known_source_a_cap_and_events(ledger: Ledger) -> None:
    with pytest.raises(ConfigurationError, match="source a is not in the ledger; it knows none"):
        ledger.reserve("a", RELEASE, release="one")
    ledger.source("a")
    with pytest.raises(ConfigurationError, match="source a has no cap; set one with `simulacra ledger cap a`"):
        ledger.reserve("a", RELEASE, release="one")
    ledger.set_cap("a", 1.0, 1e-6)
    with pytest.raises(ConfigurationError, match="without events needs no budget"):
        ledger.reserve("a", [], release="one")
    with pytest.raises(ConfigurationError, match="the id of a source is ' '"):
        ledger.source(" ")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger_log SET content = replace(content, '4.0', '400.0') WHERE kind = 'reserve'",
        "UPDATE ledger_log SET content = replace(content, '1.8', '18.0') WHERE kind = 'cap'",
        "UPDATE ledger_log SET time = '2020-01-01T00:00:00+00:00' WHERE number = 3",
        "DELETE FROM ledger_log WHERE number = 3",
        "UPDATE ledger_log SET number = number + 100 WHERE number >= 3",
        "UPDATE ledger_keys SET secret = zeroblob(32)",
    ],
)
def test_a_changed_record_is_found(ledger: Ledger, place: Path, change: str) -> None:
    ledger.source("a", default_cap=CAP)
    ledger.settle(ledger.reserve("a", RELEASE, release="one"))
    assert ledger.verify_chain() == ledger.head()

    with sqlite3.connect(place) as connection:
        connection.execute(change)

    with pytest.raises(DataError, match=r"the ledger was changed: .*; restore it from a backup"):
        ledger.verify_chain()


def test_a_changed_ledger_grants_nothing(ledger: Ledger, place: Path) -> None:
    ledger.source("a", default_cap=CAP)
    ledger.reserve("a", RELEASE, release="one")
    with sqlite3.connect(place) as connection:
        connection.execute("UPDATE ledger_log SET source = 'b' WHERE kind = 'reserve'")

    with pytest.raises(DataError, match=r"record 3 \(reserve b\) does not follow from record 2"):
        ledger.reserve("a", RELEASE, release="two")


def test_a_rolled_back_ledger_does_not_hold_a_published_head(ledger: Ledger, place: Path) -> None:
    ledger.source("a", default_cap=CAP)
    backup = place.read_bytes()
    published = ledger.reserve("a", RELEASE, release="one").head
    assert ledger.holds(published)

    place.write_bytes(backup)

    assert ledger.verify_chain()
    assert not ledger.holds(published)


KILLED = """
import os, signal, sys
from privacy.budget.calibration import gaussian_multiplier
from privacy.budget.events import Gaussian
from privacy.budget.ledger import Ledger
Ledger.open(sys.argv[1]).reserve("a", [Gaussian(4.0)], release="killed")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_charge_survives_kill_9(ledger: Ledger, place: Path) -> None:
    ledger.source("a", default_cap=CAP)

    ended = subprocess.run([sys.executable, "-c", KILLED, str(place)], cwd=Path(__file__).parents[3], check=False)

    assert ended.returncode == -signal.SIGKILL
    assert ledger.spent("a") == epsilon([Gaussian(4.0)], 1e-6)
    assert [entry.state for entry in ledger.history("a")] == ["reserved"]
    assert ledger.verify_chain()


def _spend(place: str, name: str) -> int:
    ledger, granted = Ledger.open(place), 0
    for release in range(6):
        try:
            ledger.settle(ledger.reserve("a", [Gaussian(10.0)], release=f"{name}-{release}"))
        except BudgetRefused:
            continue
        granted += 1
    return granted


def test_processes_at_once_cannot_overspend(ledger: Ledger, place: Path) -> None:
    allowed = 7
    ledger.source("a", default_cap=Cap(epsilon=epsilon([Gaussian(10.0, allowed)], 1e-6), delta=1e-6))

    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        granted = list(pool.map(_spend, [str(place)] * 4, "pqrs"))

    assert sum(granted) == allowed
    assert len(ledger.history("a")) == allowed
    assert ledger.spent("a") <= ledger.source("a").cap.epsilon  # type: ignore[union-attr]
    ledger.verify_chain()


def test_a_lock_that_is_not_given_back_is_reported(place: Path) -> None:
    ledger = Ledger.open(place, patience=0.1)
    blocker = sqlite3.connect(place, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(OutputError, match=r"has been locked by another process for 0.1 s; try again later"):
            ledger.source("a")
    finally:
        blocker.close()


def test_the_family_may_change_between_composing_and_writing(ledger: Ledger, place: Path) -> None:
    """Whoever composes first and writes last composes again."""
    ledger.source("a", default_cap=CAP)
    other, granted = Ledger.open(place), Ledger._granted

    def overtaken(self: Ledger, *given: object, **named: str) -> str:
        content = granted(self, *given, **named)  # type: ignore[arg-type]
        if not other.history("a"):
            other.reserve("a", [Gaussian(2.7)], release="first")
        return content

    ledger._granted = overtaken.__get__(ledger)  # type: ignore[method-assign]

    with pytest.raises(BudgetRefused):
        ledger.reserve("a", RELEASE, release="second")
    assert [entry.release for entry in ledger.history("a")] == ["first"]


def test_what_is_not_a_ledger_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a ledger, but rather a longer text " * 50)

    with pytest.raises(DataError, match="is not a ledger that can be read"):
        Ledger.open(text)
    with pytest.raises(DataError, match="is not a ledger that can be read"):
        Ledger.open("nosuchdatabase://user:secret@host/db")
    with pytest.raises(OutputError, match="cannot be written"):
        Ledger.open(text / "ledger.sqlite")
    with pytest.raises(OutputError, match="cannot be written"):
        Ledger.open(tmp_path)


@pytest.mark.parametrize("place", ["sqlite://", "sqlite:///:memory:", ":memory:"])
def test_a_ledger_in_memory_is_refused(place: str) -> None:
    with pytest.raises(ConfigurationError, match="would be forgotten with the run; name a file"):
        Ledger.open(place)


def test_a_url_names_the_same_ledger_and_its_password_is_not_shown(ledger: Ledger, place: Path) -> None:
    key = ledger.source("a").key

    assert Ledger.open(f"sqlite:///{place}").source("a").key == key
    with pytest.raises(DataError) as refusal:
        Ledger.open("nosuchdatabase://user:secret@host/db")
    assert "secret" not in str(refusal.value)


def test_a_record_of_a_newer_version_is_refused(ledger: Ledger, place: Path) -> None:
    record = chained(Book(), kind="gift", source="a", content="{}", time="2026-01-01T00:00:00+00:00")
    with sqlite3.connect(place) as connection:
        values = (record.number, record.kind, record.source, record.content, record.time, record.previous, record.hash)
        connection.execute("INSERT INTO ledger_log VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    with pytest.raises(DataError, match="record 1 of the ledger is a 'gift'; a newer version wrote it"):
        ledger.head()


def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    Ledger.open(tmp_path / "new" / "folder" / "ledger.sqlite").source("a")

    assert (tmp_path / "new" / "folder" / "ledger.sqlite").is_file()
