"""Small signed bundles whose charge stands in a real ledger."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from domains.pipeline.bundle import assemble
from domains.pipeline.manifest import PublishedPromise, inventory, read_manifest
from domains.pipeline.signing import SigningKey, make_keys, read_signing_key
from privacy.budget.events import Event, Gaussian, PoissonSampledGaussian, to_json
from privacy.budget.extract import Extract
from privacy.budget.ledger import Ledger, Reservation
from privacy.budget.status import Cap
from shared.corpus.writing import write_corpus
from shared.training.reporter import SilentReporter
from tests.domains.pipeline.releases import corpus, manifest, schema

SOURCE = "hospital-a"
EVENTS: tuple[Event, ...] = (Gaussian(8.0), PoissonSampledGaussian(0.01, 2.0, 100))


def signing_key(folder: Path) -> SigningKey:
    """The key in that folder, made if it is not there."""
    if not folder.exists():
        make_keys(folder)
    return read_signing_key(folder / "signing.key")


def charge(place: Path, release: str, source: str = SOURCE) -> tuple[Reservation, Extract]:
    """A charge in the ledger at ``place``, and what the release may show of it."""
    ledger = Ledger.open(place)
    ledger.source(source, default_cap=Cap(epsilon=10, delta=1e-6))
    reservation = ledger.reserve(source, EVENTS, release=release, fingerprint="0123")
    return reservation, ledger.extract(reservation)


def signed_bundle(
    folder: Path, *, ledger: Path, release: str = "r1", key: SigningKey | None = None, private: bool = True
) -> Path:
    """A bundle in ``folder``, as the pipeline makes it."""
    work = folder.parent / f"work-{folder.name}"
    work.mkdir()
    write_corpus(corpus(), work)
    promise, extract, head = None, None, None
    if private:
        reservation, extract = charge(ledger, release)
        head = reservation.head
        promise = PublishedPromise(
            epsilon=3.0,
            delta=1e-6,
            unit="patient",
            relation="add-or-remove-one-unit",
            mechanisms=tuple(json.loads(to_json(EVENTS))),
        )
    assemble(
        folder,
        tables=work,
        schema=schema(),
        manifest=replace(manifest(release, promise=promise), ledger_head=head),
        report="",
        scores={},
        extract=extract,
        key=key,
        reporter=SilentReporter(),
    )
    return folder


def hashed_again(public: Path) -> None:
    """Write the manifest anew with the hashes of the files as they are now: what somebody without the key can do."""
    fresh = replace(read_manifest(public), files=inventory(public))
    (public / "manifest.json").write_text(fresh.to_json())
