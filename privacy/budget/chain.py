"""The ledger's log: records that are only ever appended, each hashed with the one before it.

Everything that a ledger knows but the secret keys follows from the log, so one hash speaks for all of
it: charges, caps, parents, and how runs ended. A record that was changed, moved or taken out shows as
a broken chain; a log that was cut off at its end shows against a head that stands in a signed bundle.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from privacy.budget.events import from_records
from privacy.budget.status import Cap, Entry
from shared.errors import DataError

GENESIS = "0" * 64


@dataclass(frozen=True, kw_only=True)
class Record:
    """One line of the log. ``content`` is canonical JSON; ``kind`` says what it holds.

    ========  =====================================================
    register  parent (or null), key_digest
    link      parent
    cap       epsilon, delta
    reserve   release, fingerprint, events, epsilon, delta
    settle    entry (number of the record that reserved)
    fail      entry, reason
    ========  =====================================================
    """

    number: int
    kind: str
    source: str
    content: str
    time: str
    previous: str
    hash: str


@dataclass
class Member:
    """A source, as the log tells it."""

    parent: str | None
    key_digest: str
    cap: Cap | None = None


@dataclass
class Book:
    """All sources and charges, by folding the log."""

    members: dict[str, Member] = field(default_factory=dict)
    entries: dict[int, Entry] = field(default_factory=dict)
    head: str = GENESIS
    length: int = 0

    def family(self, source: str) -> frozenset[str]:
        """The source, all that it is a subset of, and all subsets of these."""
        root = self._root(source)
        return frozenset(name for name in self.members if self._root(name) == root)

    def charges(self, source: str) -> list[Entry]:
        """The charges that a unit of the source may have borne: those of its whole family, in their order."""
        family = self.family(source)
        return [entry for entry in self.entries.values() if entry.source in family]

    def ancestors(self, source: str) -> Iterator[str]:
        """The source and all that it is a subset of."""
        name: str | None = source
        while name is not None:
            yield name
            name = self.members[name].parent

    def _root(self, source: str) -> str:
        *_, root = self.ancestors(source)
        return root


def canonical(content: dict[str, Any]) -> str:
    """JSON that is equal for equal content."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def chained(book: Book, *, kind: str, source: str, content: str, time: str) -> Record:
    """The next record after the book's head."""
    number = book.length + 1
    digest = _digest(book.head, number, kind, source, content, time)
    return Record(number=number, kind=kind, source=source, content=content, time=time, previous=book.head, hash=digest)


def fold(records: Iterable[Record]) -> Book:
    """The book of a log, whose chain is checked on the way.

    Raises :class:`DataError` that names the first record that is not what was written.
    """
    book = Book()
    for record in records:
        append(book, record)
    return book


def append(book: Book, record: Record) -> None:
    """Take the next record into the book. Raises :class:`DataError` if it does not follow."""
    digest = _digest(record.previous, record.number, record.kind, record.source, record.content, record.time)
    if record.number != book.length + 1 or record.previous != book.head or record.hash != digest:
        raise DataError(
            f"the ledger was changed: record {record.number} ({record.kind} {record.source}) does not follow "
            f"from record {book.length}; restore it from a backup"
        )
    content = json.loads(record.content)
    match record.kind:
        case "register":
            book.members[record.source] = Member(content["parent"], content["key_digest"])
        case "link":
            book.members[record.source].parent = content["parent"]
        case "cap":
            book.members[record.source].cap = Cap(**content)
        case "reserve":
            book.entries[record.number] = _entry(record, content)
        case "settle" | "fail":
            book.entries[content["entry"]] = replace(
                book.entries[content["entry"]],
                state="spent" if record.kind == "settle" else "failed",
                ended=datetime.fromisoformat(record.time),
                reason=content.get("reason"),
            )
        case _:
            raise DataError(f"record {record.number} of the ledger is a {record.kind!r}; a newer version wrote it")
    book.head, book.length = record.hash, record.number


def _entry(record: Record, content: dict[str, Any]) -> Entry:
    return Entry(
        number=record.number,
        source=record.source,
        release=content["release"],
        fingerprint=content["fingerprint"],
        events=from_records(content["events"]),
        epsilon=content["epsilon"],
        delta=content["delta"],
        state="reserved",
        reserved=datetime.fromisoformat(record.time),
        ended=None,
        reason=None,
        hash=record.hash,
    )


def _digest(previous: str, number: int, kind: str, source: str, content: str, time: str) -> str:
    """SHA-256 over a list whose JSON has one reading."""
    text = json.dumps([previous, number, kind, source, content, time], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
