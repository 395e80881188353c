"""What a release shows of the ledger: the caps and charges of its own source, up to its own charge, as a hash chain.

It is published. It holds what was decided before records were touched and nothing else: how runs ended, when, and
what became of them may follow from records, and so may the number of the ledger's records; they stay in the ledger. Of
other sources it says nothing but whether their charges count too, because they are parts of one body of records.
Each charge brings its hash in the ledger's own chain, by which whoever holds the ledger finds it there. That hash tells
others nothing: the chain begins with the digest of a secret key, which is never shown.

A later release of the same source shows a longer chain that begins with the same entries.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from privacy.budget.chain import Book, Record, canonical
from privacy.budget.events import Event, from_records
from privacy.budget.status import Cap
from shared.errors import DataError, SimulacraError

LEDGER = "ledger.json"
FORMAT = "simulacra-ledger-extract/1"
_CHARGE = {"release", "events", "epsilon", "delta", "date", "ledger_hash"}
_CAP = {"epsilon", "delta"}


@dataclass(frozen=True, kw_only=True)
class Link:
    """One entry of the chain: a ``cap`` or a ``charge``, its content as plain values, and its hash."""

    kind: str
    content: Mapping[str, Any]
    hash: str


@dataclass(frozen=True, kw_only=True)
class Extract:
    """The chain of one source. ``spent`` is ε over all charges that count against its cap, at the cap's δ.

    ``related``: whether charges of related sources (of which it is a part, or which are parts of it) count there too.
    """

    source: str
    spent: float
    related: bool
    links: tuple[Link, ...]

    @property
    def cap(self) -> Cap:
        """The cap that the last charge was granted under."""
        content = [link.content for link in self.links if link.kind == "cap"][-1]
        return Cap(epsilon=content["epsilon"], delta=content["delta"])

    @property
    def charges(self) -> tuple[Mapping[str, Any], ...]:
        """The content of every charge, oldest first."""
        return tuple(link.content for link in self.links if link.kind == "charge")

    @property
    def events(self) -> tuple[Event, ...]:
        """The mechanisms of every charge."""
        return tuple(event for charge in self.charges for event in from_records(charge["events"]))

    def to_json(self) -> str:
        """The text of the file; equal extracts are equal texts."""
        content = {
            "format": FORMAT,
            "source": self.source,
            "spent": self.spent,
            "related_sources_count": self.related,
            "entries": [{"kind": link.kind, **link.content, "hash": link.hash} for link in self.links],
        }
        return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def extract_of(records: Sequence[Record], book: Book, source: str, spent: float) -> Extract:
    """The extract of a source from the log up to the charge in question, and the book that the log folds to."""
    links: list[Link] = []
    head = _genesis(source)
    for record in records:
        if record.source != source or record.kind not in ("cap", "reserve"):
            continue
        content = json.loads(record.content)
        kind = "cap"
        if record.kind == "reserve":
            kind = "charge"
            content = {name: content[name] for name in ("release", "events", "epsilon", "delta")}
            # The day and not the second: the run before may have taken as long as its records made it.
            content |= {"date": record.time[:10], "ledger_hash": record.hash}
        head = _digest(head, len(links) + 1, kind, content)
        links.append(Link(kind=kind, content=content, hash=head))
    related = any(entry.source != source for entry in book.charges(source))
    return Extract(source=source, spent=spent, related=related, links=tuple(links))


def read_extract(text: str) -> Extract:
    """The extract that was written, its chain whole.

    Raises :class:`DataError` that names the first entry that does not follow from the one before.
    """
    try:
        content = json.loads(text)
        if content["format"] != FORMAT:
            raise DataError(f"the extract has format {content['format']!r}; this version reads {FORMAT!r}")
        links, head = [], _genesis(content["source"])
        for place, entry in enumerate(content["entries"], start=1):
            fields = {name: value for name, value in entry.items() if name not in ("kind", "hash")}
            head = _followed(entry, fields, head, place)
            links.append(Link(kind=entry["kind"], content=fields, hash=head))
        extract = Extract(
            source=content["source"],
            spent=float(content["spent"]),
            related=content["related_sources_count"],
            links=tuple(links),
        )
        extract.cap, extract.events  # noqa: B018  (there is a cap, and every event is one)
        whole = extract.to_json() == text
    except DataError:
        raise
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError, SimulacraError) as error:
        raise DataError(f"the extract of the ledger cannot be read ({type(error).__name__}: {error})") from None
    if not whole:
        raise DataError("the extract of the ledger is not written as a ledger writes it")
    return extract


def check_charge(extract: Extract, *, source: str, release: str, events: Sequence[Any], head: str | None) -> None:
    """Raise :class:`DataError` unless the last entry is the charge of that release: its mechanisms, its hash."""
    if extract.source != source:
        raise DataError(f"the extract is of source {extract.source!r}; the release is of {source!r}")
    last = extract.links[-1]
    if last.kind != "charge" or last.content["release"] != release:
        shown = last.content.get("release", f"a {last.kind}")
        raise DataError(f"the extract ends with {shown!r}; it must end with the charge of {release!r}")
    if canonical({"events": last.content["events"]}) != canonical({"events": list(events)}):
        raise DataError(f"the charge of {release!r} is for other mechanisms than the manifest's")
    if last.content["ledger_hash"] != head:
        raise DataError(f"the charge of {release!r} has another hash in the ledger than the manifest's ledger_head")
    if sum(charge["release"] == release for charge in extract.charges) > 1:
        raise DataError(f"the extract has several charges of {release!r}; a release is charged once")


def _followed(entry: Mapping[str, Any], fields: Mapping[str, Any], head: str, place: int) -> str:
    wanted = {"cap": _CAP, "charge": _CHARGE}.get(entry["kind"])
    if wanted is None or set(fields) != wanted:
        raise DataError(f"entry {place} of the extract is no cap and no charge as a ledger writes them")
    digest = _digest(head, place, entry["kind"], fields)
    if entry["hash"] != digest:
        raise DataError(f"entry {place} of the extract ({entry['kind']}) does not follow from the entries before it")
    return digest


def _genesis(source: str) -> str:
    return hashlib.sha256(f"simulacra ledger extract\x1f{source}".encode()).hexdigest()


def _digest(previous: str, place: int, kind: str, content: Mapping[str, Any]) -> str:
    text = json.dumps([previous, place, kind, canonical(dict(content))], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
