"""Verification of a release by whoever has it: offline, from the bundle and a public key alone.

What is checked, in this order; the first file at fault ends it:

1. the manifest can be read, and is signed by the key that was given;
2. every file is as the manifest says, none is missing, and none was added;
3. the extract of the ledger is one whole chain of this source that ends with this release's charge;
4. the mechanisms that were charged compose to what is promised, and all charges to what is said to be spent;
5. the privacy statement says what the manifest and the extract say.

``internal/`` is not published, so the manifest says nothing of it and nothing is checked there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from domains.pipeline.manifest import MANIFEST, SIGNATURE, Manifest, problems
from domains.pipeline.publication import POINTER, current
from domains.pipeline.signing import PublicKey, check_signature
from domains.pipeline.statement import FACTS, STATEMENT, privacy_facts
from privacy.budget.accountant import Accountant
from privacy.budget.events import from_records
from privacy.budget.extract import LEDGER, Extract, check_charge, read_extract
from shared.errors import ConfigurationError, DataError, VerificationFailed

_TOLERANCE = 0.01  # other versions of the accountant discretise otherwise
_MANIFEST_MOST_BYTES = 1 << 28


@dataclass(frozen=True)
class Check:
    """Something that was checked and holds, in a word and in a line."""

    name: str
    says: str


def public_folder(place: Path) -> Path:
    """The public part of what was given: itself, that of a bundle, or that of a folder's current release.

    Raises :class:`ConfigurationError` if there is no such folder, :class:`VerificationFailed` if the pointer to the
    current release does not fit it.
    """
    if not place.is_dir():
        raise ConfigurationError(f"there is no folder {place}; give a release: its public folder or the one around it")
    if (place / MANIFEST).exists():
        return place
    if (place / "public").is_dir():
        return place / "public"
    try:
        release = current(place)
    except DataError as error:
        raise VerificationFailed(POINTER, str(error)) from None
    return place if release is None else release / "public"


def verified(place: Path, key: PublicKey | None = None) -> Iterator[Check]:
    """Each check of a release as it is passed; with ``key``, an unsigned release fails.

    Raises :class:`VerificationFailed` that names the first file at fault.
    """
    folder = public_folder(place)
    text = _content(folder, MANIFEST)
    manifest = _manifest(text)
    yield Check("manifest", f"{MANIFEST} is that of release {manifest.release!r}")
    yield _signed(folder, manifest, text, key)
    for name, says in problems(folder, manifest):
        raise VerificationFailed(name, f"{says}; fetch the release again")
    yield Check("files", f"{len(manifest.files)} files are as the manifest says, and there is no other")
    extract = _extract(folder, manifest)
    if extract is None:
        yield Check("ledger", "nothing is promised, and nothing was charged")
    else:
        yield Check(
            "ledger", f"{LEDGER} is a whole chain of {len(extract.links)} entries that ends with this release's charge"
        )
        yield _composed(manifest, extract)
    yield _stated(folder, manifest, extract)


def _manifest(text: bytes) -> Manifest:
    try:
        manifest = Manifest.from_json(text.decode("utf-8"))
        privacy_facts(manifest, None)  # it has what the statement says
    except DataError as error:
        raise VerificationFailed(MANIFEST, str(error)) from None
    except UnicodeDecodeError:
        raise VerificationFailed(MANIFEST, "it is no UTF-8 text; fetch the release again") from None
    except (TypeError, ValueError, AttributeError):
        raise VerificationFailed(MANIFEST, "its promise cannot be read; fetch the release again") from None
    return manifest


def _signed(folder: Path, manifest: Manifest, text: bytes, key: PublicKey | None) -> Check:
    if manifest.signed_by is None and not (folder / SIGNATURE).is_file():
        if key is not None:
            raise VerificationFailed(
                SIGNATURE,
                f"missing: the release is not signed, and a key was given ({key.fingerprint}); ask for a signed one, "
                "or leave out --key to check the files alone",
            )
        return Check(
            "signature", "the release is not signed: nothing shows who made it, nor that the manifest is theirs"
        )
    signer = check_signature(text, _content(folder, SIGNATURE), key)
    if manifest.signed_by != signer.fingerprint:
        said = manifest.signed_by or "nobody"
        raise VerificationFailed(
            SIGNATURE, f"signed with the key {signer.fingerprint}; the manifest says {said}; fetch the release again"
        )
    if key is None:
        return Check(
            "signature",
            f"signed with the key {signer.fingerprint}; whose that is shows only --key with a public key that came "
            "another way",
        )
    return Check("signature", f"signed with the key that was given, {signer.fingerprint}")


def _extract(folder: Path, manifest: Manifest) -> Extract | None:
    promise = manifest.promise
    if promise is None:
        if (folder / LEDGER).exists():
            raise VerificationFailed(LEDGER, "a release that promises nothing has no charge; fetch the release again")
        return None
    try:
        extract = read_extract(_content(folder, LEDGER).decode("utf-8"))
        check_charge(
            extract,
            source=manifest.source,
            release=manifest.release,
            events=promise.mechanisms,
            head=manifest.ledger_head,
        )
    except (DataError, UnicodeDecodeError) as error:
        raise VerificationFailed(LEDGER, f"{error}; ask whom you have the release from") from None
    return extract


def _composed(manifest: Manifest, extract: Extract) -> Check:
    """What the mechanisms compose to, computed anew."""
    assert manifest.promise is not None
    promise, cap, accountant = manifest.promise, extract.cap, Accountant()
    own = accountant.epsilon(from_records(promise.mechanisms), promise.delta)
    if not own <= promise.epsilon * (1 + _TOLERANCE):
        raise VerificationFailed(
            MANIFEST,
            f"its mechanisms compose to an epsilon of {own:.4g} at delta {promise.delta:g}, and {promise.epsilon:g} is "
            "promised; do not rely on the promise",
        )
    spent = accountant.epsilon(extract.events, cap.delta)
    most = extract.spent * (1 + _TOLERANCE)
    if not spent <= most or (not extract.related and spent < extract.spent * (1 - _TOLERANCE)):
        raise VerificationFailed(
            LEDGER,
            f"its charges compose to an epsilon of {spent:.4g} at delta {cap.delta:g}, and it says {extract.spent:.4g}"
            "; ask whom you have the release from",
        )
    return Check(
        "budget",
        f"the mechanisms compose to ε = {own:.4g} of the promised {promise.epsilon:g}; the source has spent "
        f"{extract.spent:.4g} of at most {cap.epsilon:g}",
    )


def _stated(folder: Path, manifest: Manifest, extract: Extract | None) -> Check:
    """The statement for machines against the facts; its plain words are of the version that made them."""
    _content(folder, STATEMENT)
    wanted = privacy_facts(manifest, extract)
    try:
        found = json.loads(_content(folder, FACTS).decode("utf-8"))
        differing = [name for name in ("release", "source", "promise", "budget") if found[name] != wanted[name]]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise VerificationFailed(FACTS, "it is no privacy statement; fetch the release again") from None
    if differing:
        raise VerificationFailed(
            FACTS, f"its {differing[0]!r} is not what the manifest says; ask whom you have the release from"
        )
    if manifest.promise is None:
        return Check("statement", f"{STATEMENT} and {FACTS} say that nothing is promised")
    return Check("statement", f"{FACTS} says what the manifest and the ledger say")


def _content(folder: Path, name: str) -> bytes:
    path = folder / name
    if path.is_symlink() or not path.is_file():
        raise VerificationFailed(name, f"missing in {folder}; fetch the release again, or give the folder of a release")
    if path.stat().st_size > _MANIFEST_MOST_BYTES:
        raise VerificationFailed(name, f"{path.stat().st_size} bytes, far more than one has; fetch the release again")
    return path.read_bytes()
