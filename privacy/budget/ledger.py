"""The budget of every source, over all its releases, for as long as the records live.

Formal guarantees
    A charge is on disk before the records are touched, and counts from then on, whatever becomes of
    the run. At every moment the events of a source's family compose (one accountant, from the stored
    events, never from added-up ε) to at most ε at the δ of each cap in that family, as far as charges
    were granted under those caps: a cap that is lowered afterwards grants nothing more.

    A source that is a subset of another declares its parent. A unit of the subset is a unit of the
    parent, and may be one of the parent's other subsets; so all sources that hang together form one
    family, every charge of which counts against every cap in it.

    Concurrent processes cannot overspend: a charge is composed first, without a lock, and written
    under the write lock only if the family has not changed since.
"""

from __future__ import annotations

import hashlib
import json
import math
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.engine import Connection

from privacy.budget.accountant import Accountant
from privacy.budget.chain import Book, Record, append, canonical, chained, fold
from privacy.budget.events import Event, Gaussian, to_json
from privacy.budget.extract import Extract, extract_of
from privacy.budget.status import Cap, Entry, SourceStatus
from privacy.budget.store import Store
from shared.errors import BudgetRefused, ConfigurationError, DataError

_KEY_BYTES = 32
_LEFT_CELLS = 1_000
_LEFT_ROUNDS = 12


@dataclass(frozen=True, kw_only=True)
class Source:
    """One body of records. ``key`` is secret: it decides the holdout and the surplus rows (privacy rule 5)."""

    id: str
    parent: str | None
    key: bytes
    cap: Cap | None

    def __repr__(self) -> str:
        return f"Source(id={self.id!r}, parent={self.parent!r}, cap={self.cap!r})"


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """A charge that was granted. ``head`` is the head of the chain with it as the last record."""

    number: int
    source: str
    release: str
    epsilon: float
    delta: float
    head: str


def _now() -> datetime:
    return datetime.now(UTC)


class Ledger:
    """See :meth:`open`."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._accountant = Accountant()
        self._rough = Accountant(cells=_LEFT_CELLS)

    @classmethod
    def open(cls, place: str | Path, *, clock: Callable[[], datetime] = _now, patience: float = 30.0) -> Ledger:
        """A ledger in a file, or in a database through its URL; created if it is not there.

        ``patience`` is how many seconds another process's lock is waited for. Raises
        :class:`OutputError` if it cannot be written, :class:`DataError` if it is something else.
        """
        return cls(Store(place, patience=patience), clock)

    def source(self, id: str, *, parent: str | None = None, default_cap: Cap | None = None) -> Source:
        """The source of that id; registered at its first use, with a fresh key (a subset: its parent's key).

        ``default_cap`` is stored if the source has no cap yet. A parent that is declared later joins the
        two families. Raises :class:`ConfigurationError` for a second parent, or a circle of parents.
        """
        for name in filter(None, (id, parent)):
            if not name.strip():
                raise ConfigurationError(f"the id of a source is {name!r}; give it a name that outlives the run")
        with self._store.writing() as connection:
            book = self._book(connection)
            if parent is not None and parent not in book.members:
                self._register(connection, book, parent, None)
            if id not in book.members:
                self._register(connection, book, id, parent)
            elif parent is not None and parent != book.members[id].parent:
                self._link(connection, book, id, parent)
            if default_cap is not None and book.members[id].cap is None:
                self._cap(connection, book, id, default_cap)
            return self._source(connection, book, id)

    def set_cap(self, source: str | Source, epsilon: float, delta: float) -> None:
        """Cap what a source may spend. Below what is spent, nothing more is granted.

        A source that is not in the ledger yet is registered. Raises :class:`ConfigurationError` for
        ε <= 0 or a δ that cannot be composed at.
        """
        cap = Cap(epsilon=epsilon, delta=delta)
        self.source(_id(source))
        with self._store.writing() as connection:
            self._cap(connection, self._book(connection), _id(source), cap)

    def reserve(
        self, source: str | Source, events: Sequence[Event], *, release: str, fingerprint: str = ""
    ) -> Reservation:
        """Charge a release before it touches records.

        ``release`` names it; ``fingerprint`` identifies its configuration. Raises
        :class:`BudgetRefused` if its events, with all that the family has borne, pass a cap.
        """
        name = _id(source)
        if not events:
            raise ConfigurationError("a release without events needs no budget; reserve only what touches records")
        book = self._read()
        while True:
            content = self._granted(book, name, events, release=release, fingerprint=fingerprint)
            with self._store.writing() as connection:
                latest = self._book(connection)
                if _terms(latest, name) == _terms(book, name):
                    record = self._append(connection, latest, "reserve", name, content)
                    break
            book = latest
        entry = latest.entries[record.number]
        return Reservation(
            number=record.number,
            source=name,
            release=release,
            epsilon=entry.epsilon,
            delta=entry.delta,
            head=record.hash,
        )

    def taken_up(self, number: int, source: str | Source, events: Sequence[Event], *, fingerprint: str) -> Reservation:
        """The reservation of a run that was killed and goes on: its events were charged, and are charged once.

        Raises :class:`BudgetRefused` unless charge ``number`` is one of the source, of the same events and
        configuration, whose run has not ended.
        """
        entry = self._read().entries.get(number)
        asked = (_id(source), fingerprint, canonical({"events": json.loads(to_json(events))}))
        if entry is None or entry.state != "reserved":
            state = "none" if entry is None else entry.state
            raise BudgetRefused(f"charge {number} of the ledger cannot be taken up: it is {state}; begin a new run")
        if (entry.source, entry.fingerprint, canonical({"events": json.loads(to_json(entry.events))})) != asked:
            raise BudgetRefused(f"charge {number} of the ledger was reserved for another run; begin a new run")
        return Reservation(
            number=number,
            source=entry.source,
            release=entry.release,
            epsilon=entry.epsilon,
            delta=entry.delta,
            head=entry.hash,
        )

    def settle(self, reservation: Reservation | int) -> bool:
        """The run ended as planned. Its charge stands as it was reserved.

        Settling twice is once: false if it was settled before. Of several runs that took up one charge, only that
        which gets true may give away what it made.
        """
        return self._end(reservation, "settle", {})

    def fail(self, reservation: Reservation | int, reason: str) -> None:
        """The run failed. Its charge stands all the same: what it touched, it touched."""
        self._end(reservation, "fail", {"reason": reason})

    def spent(self, source: str | Source) -> float:
        """ε of all that the source's family has borne, at the δ of the source's cap."""
        book = self._read()
        cap = _member_cap(book, _id(source))
        return self._accountant.epsilon(_events(book.charges(_id(source))), cap.delta)

    def status(self, source: str | Source) -> SourceStatus:
        """Where the budget of one source stands."""
        return self._status(self._read(), _id(source))

    def sources(self) -> list[SourceStatus]:
        """Where the budget of every source stands, in the order of their ids."""
        book = self._read()
        return [self._status(book, name) for name in sorted(book.members)]

    def history(self, source: str | Source) -> list[Entry]:
        """The charges of the source's family, oldest first."""
        book = self._read()
        _check_known(book, _id(source))
        return book.charges(_id(source))

    def head(self) -> str:
        """The last hash of the chain: it speaks for everything in the ledger."""
        return self._read().head

    def verify_chain(self) -> str:
        """Check every record and every key against the chain; returns its head.

        Raises :class:`DataError` that names the first record that was changed.
        """
        with self._store.reading() as connection:
            book = self._book(connection)
            for name, member in book.members.items():
                if _key_digest(self._store.key(connection, name) or b"") != member.key_digest:
                    raise DataError(f"the ledger was changed: the key of {name} is another; restore it from a backup")
        return book.head

    def holds(self, head: str) -> bool:
        """Whether a head that was published once is still in the chain; false for a ledger that was rolled back."""
        with self._store.reading() as connection:
            return any(record.hash == head for record in self._store.records(connection))

    def extract(self, reservation: Reservation) -> Extract:
        """What a release may show of the ledger: its source's chain up to its own charge, whatever came later."""
        with self._store.reading() as connection:
            until = self._store.records(connection)[: reservation.number]
        book = fold(until)
        cap = _member_cap(book, reservation.source)
        spent = self._accountant.epsilon(_events(book.charges(reservation.source)), cap.delta)
        return extract_of(until, book, reservation.source, spent)

    def _granted(self, book: Book, name: str, events: Sequence[Event], *, release: str, fingerprint: str) -> str:
        """The content of a charge that no cap of the family forbids."""
        cap = _member_cap(book, name)
        borne = _events(book.charges(name))
        for member in sorted(book.family(name), key=lambda member: (member != name, member)):
            limit = book.members[member].cap
            if limit is not None and self._accountant.epsilon([*borne, *events], limit.delta) > limit.epsilon:
                raise BudgetRefused(self._refusal(member, limit, borne, events))
        return canonical(
            {
                "release": release,
                "fingerprint": fingerprint,
                "events": json.loads(to_json(events)),
                "epsilon": self._accountant.epsilon(events, cap.delta),
                "delta": cap.delta,
            }
        )

    def _refusal(self, name: str, cap: Cap, borne: Sequence[Event], events: Sequence[Event]) -> str:
        spent, asked, both = (
            _figure(self._accountant.epsilon(some, cap.delta)) for some in (borne, events, [*borne, *events])
        )
        left = _figure(self._left(borne, cap))
        advice = "lower its delta or declare its categories" if both == "infinity" else "lower its epsilon"
        return (
            f"source {name} has spent epsilon {spent} of its cap {cap.epsilon:g} at delta {cap.delta:g}; "
            f"this release asks for {asked}, together {both}, and about {left} is left: "
            f"{advice}, or raise the cap with `simulacra ledger cap {name}`"
        )

    def _left(self, borne: Sequence[Event], cap: Cap) -> float:
        """ε of the largest Gaussian mechanism that still fits, at the cap's δ, to about 1 %."""
        if self._rough.epsilon([*borne, Gaussian(1e6)], cap.delta) > cap.epsilon:
            return 0.0
        low, high = math.log(0.05), math.log(1e6)
        for _ in range(_LEFT_ROUNDS):
            middle = (low + high) / 2
            fits = self._rough.epsilon([*borne, Gaussian(math.exp(middle))], cap.delta) <= cap.epsilon
            low, high = (low, middle) if fits else (middle, high)
        return min(cap.epsilon, self._rough.epsilon([Gaussian(math.exp(high))], cap.delta))

    def _status(self, book: Book, name: str) -> SourceStatus:
        _check_known(book, name)
        member, charges = book.members[name], book.charges(name)
        borne = _events(charges)
        return SourceStatus(
            id=name,
            parent=member.parent,
            cap=member.cap,
            spent=None if member.cap is None else self._accountant.epsilon(borne, member.cap.delta),
            left=None if member.cap is None else self._left(borne, member.cap),
            releases=sum(entry.source == name for entry in charges),
            family_releases=len(charges),
        )

    def _end(self, reservation: Reservation | int, kind: str, content: dict[str, str]) -> bool:
        number = reservation if isinstance(reservation, int) else reservation.number
        with self._store.writing() as connection:
            book = self._book(connection)
            entry = book.entries.get(number)
            if entry is None:
                raise ConfigurationError(f"the ledger has no charge {number}; see `simulacra ledger history`")
            if entry.state == ("spent" if kind == "settle" else "failed"):
                return False
            if entry.state != "reserved":
                raise ConfigurationError(f"charge {number} of the ledger has ended as {entry.state}; it ends only once")
            self._append(connection, book, kind, entry.source, canonical({"entry": number, **content}))
        return True

    def _register(self, connection: Connection, book: Book, name: str, parent: str | None) -> None:
        key = None if parent is None else self._store.key(connection, parent)
        key = secrets.token_bytes(_KEY_BYTES) if key is None else key
        self._store.keep_key(connection, name, key)
        content = canonical({"parent": parent, "key_digest": _key_digest(key)})
        self._append(connection, book, "register", name, content)

    def _link(self, connection: Connection, book: Book, name: str, parent: str) -> None:
        known = book.members[name].parent
        if known is not None:
            raise ConfigurationError(f"parent of source {name} is {parent}; the ledger knows it as a subset of {known}")
        if name in book.ancestors(parent):
            raise ConfigurationError(f"parent of source {name} is {parent}, which is itself a subset of {name}")
        self._append(connection, book, "link", name, canonical({"parent": parent}))

    def _cap(self, connection: Connection, book: Book, name: str, cap: Cap) -> None:
        content = canonical({"epsilon": float(cap.epsilon), "delta": float(cap.delta)})
        self._append(connection, book, "cap", name, content)

    def _append(self, connection: Connection, book: Book, kind: str, source: str, content: str) -> Record:
        time = self._clock().isoformat()
        record = chained(book, kind=kind, source=source, content=content, time=time)
        self._store.append(connection, [record])
        append(book, record)
        return record

    def _source(self, connection: Connection, book: Book, name: str) -> Source:
        member, key = book.members[name], self._store.key(connection, name)
        if key is None or _key_digest(key) != member.key_digest:
            raise DataError(f"the ledger was changed: the key of {name} is another; restore it from a backup")
        return Source(id=name, parent=member.parent, key=key, cap=member.cap)

    def _read(self) -> Book:
        with self._store.reading() as connection:
            return self._book(connection)

    def _book(self, connection: Connection) -> Book:
        return fold(self._store.records(connection))


def _id(source: str | Source) -> str:
    return source if isinstance(source, str) else source.id


def _events(charges: Iterable[Entry]) -> list[Event]:
    return [event for entry in charges for event in entry.events]


def _terms(book: Book, name: str) -> tuple[list[int], dict[str, Cap | None]]:
    """What a decision about a source depends on."""
    return [entry.number for entry in book.charges(name)], {
        member: book.members[member].cap for member in book.family(name)
    }


def _check_known(book: Book, name: str) -> None:
    if name not in book.members:
        known = ", ".join(sorted(book.members)) or "none"
        raise ConfigurationError(f"source {name} is not in the ledger; it knows {known}")


def _member_cap(book: Book, name: str) -> Cap:
    _check_known(book, name)
    cap = book.members[name].cap
    if cap is None:
        raise ConfigurationError(f"source {name} has no cap; set one with `simulacra ledger cap {name}`")
    return cap


def _key_digest(key: bytes) -> str:
    return hashlib.sha256(b"simulacra source key\x1f" + key).hexdigest()


def _figure(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "infinity"
