"""Signatures of releases: Ed25519 (RFC 8032) over the bytes of ``manifest.json``, which holds every file's hash.

::

    KEYS/signing.key          the private key (PKCS #8, PEM), for its owner alone; it signs
    KEYS/signing.pub          the public key (PEM), for recipients; it checks
    public/manifest.json.sig  the signature beside the manifest, with the key's fingerprint and the key itself

The key in the signature file shows that nothing was changed since somebody signed; who that was shows only a public key
that came another way. Keys are those of OpenSSL: ``openssl pkeyutl -verify -rawin`` checks the same signature.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from domains.pipeline.manifest import MANIFEST, SIGNATURE
from shared.corpus.folders import fresh_folder
from shared.errors import ConfigurationError, VerificationFailed

FORMAT = "simulacra-signature/1"
PRIVATE_KEY = "signing.key"
PUBLIC_KEY = "signing.pub"
_ALGORITHM = "Ed25519"
_MOST_BYTES = 10_000  # a key or a signature is far shorter


@dataclass(frozen=True)
class PublicKey:
    """The 32 bytes of an Ed25519 public key."""

    raw: bytes

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key, in hexadecimal: what people compare over another channel."""
        return hashlib.sha256(self.raw).hexdigest()

    def fits(self, signature: bytes, content: bytes) -> bool:
        """Whether this key's owner signed ``content``."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, content)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """A private key, which no message and no repr shows."""

    _key: Ed25519PrivateKey = field(repr=False)

    @property
    def public(self) -> PublicKey:
        """The key that checks what this one signs."""
        return PublicKey(self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def signature(self, manifest: bytes) -> str:
        """The text of ``manifest.json.sig``; equal manifests have equal signatures."""
        return _text(self.public, manifest, self._key.sign(manifest))


def make_keys(folder: Path) -> PublicKey:
    """A new pair of keys in a new folder that is its owner's alone. Raises ``OutputError`` if it exists."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key()
    with fresh_folder(folder) as building:
        building.chmod(0o700)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with os.fdopen(os.open(building / PRIVATE_KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(private)
        (building / PUBLIC_KEY).write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return SigningKey(key).public


def read_signing_key(path: Path) -> SigningKey:
    """The private key in a file that is its owner's alone; raises ``ConfigurationError`` for anything else."""
    text = _key_text(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigurationError(
            f"signing key {path} can be read by others, so they could sign as you; set its mode to 0600, or make "
            "new keys with 'simulacra keys new FOLDER'"
        )
    key: object = None
    with suppress(ValueError, TypeError, UnsupportedAlgorithm):
        key = load_pem_private_key(text, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(
            f"{path} is no Ed25519 private key without a password; give the {PRIVATE_KEY} that "
            "'simulacra keys new FOLDER' made"
        )
    return SigningKey(key)


def read_public_key(path: Path) -> PublicKey:
    """The public key in a file; raises ``ConfigurationError`` for anything else, a private key above all."""
    text = _key_text(path)
    if b"PRIVATE KEY" in text:
        raise ConfigurationError(
            f"{path} is a private key, which signs and is for its owner alone; give the public one, {PUBLIC_KEY}"
        )
    key: object = None
    with suppress(ValueError, TypeError, UnsupportedAlgorithm):
        key = load_pem_public_key(text)
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigurationError(f"{path} is no Ed25519 public key; give the {PUBLIC_KEY} of whom you have the release")
    return PublicKey(key.public_bytes(Encoding.Raw, PublicFormat.Raw))


def check_signature(manifest: bytes, text: bytes, key: PublicKey | None) -> PublicKey:
    """Whose signature ``text`` is, if it is one over ``manifest``; ``key`` is whose it has to be.

    Raises :class:`VerificationFailed` that names the signature's file or the manifest, whichever was changed: the
    signature file has the hash of what was signed.
    """
    signer, digest, signature = _parsed(text)
    if not signer.fits(signature, manifest):
        if hashlib.sha256(manifest).hexdigest() == digest:
            raise VerificationFailed(SIGNATURE, "it is no signature of this manifest; the file was changed")
        raise VerificationFailed(MANIFEST, "it was changed after it was signed; ask whom you have the release from")
    if _text(signer, manifest, signature).encode() != text:
        raise VerificationFailed(SIGNATURE, "it is not as it was written; the file was changed")
    if key is not None and key != signer:
        raise VerificationFailed(
            SIGNATURE,
            f"signed with the key {signer.fingerprint}, and not with {key.fingerprint}, the one that was given; "
            "give the key of whom you have the release, or do not trust it",
        )
    return signer


def _parsed(text: bytes) -> tuple[PublicKey, str, bytes]:
    try:
        content = json.loads(text.decode("ascii"))
        if content["format"] != FORMAT or content["algorithm"] != _ALGORITHM:
            raise ValueError
        public, digest, signature = content["public_key"], content["manifest_sha256"], content["signature"]
        signer = PublicKey(bytes.fromhex(public))
        Ed25519PublicKey.from_public_bytes(signer.raw)
        return signer, str(digest), bytes.fromhex(signature)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise VerificationFailed(
            SIGNATURE,
            f"it is no signature file of format {FORMAT!r}; the file was changed, or a newer version wrote it",
        ) from None


def _text(signer: PublicKey, manifest: bytes, signature: bytes) -> str:
    content = {
        "format": FORMAT,
        "algorithm": _ALGORITHM,
        "signs": MANIFEST,
        "manifest_sha256": hashlib.sha256(manifest).hexdigest(),
        "key_fingerprint": signer.fingerprint,
        "public_key": signer.raw.hex(),
        "signature": signature.hex(),
    }
    return json.dumps(content, indent=2) + "\n"


def _key_text(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError as error:
        raise ConfigurationError(
            f"key {path} cannot be read ({error.strerror}); 'simulacra keys new FOLDER' makes a pair of keys"
        ) from None
