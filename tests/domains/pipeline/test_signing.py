"""Keys are made for their owner alone, and a signature is an ordinary Ed25519 one over the manifest."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)

from domains.pipeline.signing import check_signature, make_keys, read_public_key, read_signing_key
from shared.errors import ConfigurationError, OutputError, VerificationFailed

MANIFEST = b'{"release": "r1"}\n'


@pytest.fixture
def keys(tmp_path) -> Path:
    make_keys(tmp_path / "keys")
    return tmp_path / "keys"


def test_keys_are_their_owners_alone(keys):
    assert {path.name for path in keys.iterdir()} == {"signing.key", "signing.pub"}
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    assert stat.S_IMODE((keys / "signing.key").stat().st_mode) == 0o600


def test_keys_are_never_written_over(keys):
    before = (keys / "signing.key").read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        make_keys(keys)
    assert (keys / "signing.key").read_bytes() == before


def test_two_pairs_are_two(keys, tmp_path):
    assert make_keys(tmp_path / "more") != read_public_key(keys / "signing.pub")


def test_the_private_key_is_in_no_repr_and_no_signature(keys):
    key = read_signing_key(keys / "signing.key")
    (line,) = (keys / "signing.key").read_text().splitlines()[1:-1]
    assert line not in repr(key) + key.signature(MANIFEST)
    assert repr(key) == "SigningKey()"


def test_what_was_signed_is_accepted_by_the_public_key_and_equal_manifests_have_equal_signatures(keys):
    key, public = read_signing_key(keys / "signing.key"), read_public_key(keys / "signing.pub")
    text = key.signature(MANIFEST)
    assert check_signature(MANIFEST, text.encode(), public) == public == key.public
    assert key.signature(MANIFEST) == text


def test_the_signature_is_one_that_other_tools_check(keys):
    content = json.loads(read_signing_key(keys / "signing.key").signature(MANIFEST))
    public = load_pem_public_key((keys / "signing.pub").read_bytes())
    assert isinstance(public, ed25519.Ed25519PublicKey)
    public.verify(bytes.fromhex(content["signature"]), MANIFEST)


def test_another_manifest_is_named_and_so_is_another_signature(keys):
    key = read_signing_key(keys / "signing.key")
    with pytest.raises(VerificationFailed) as caught:
        check_signature(MANIFEST + b" ", key.signature(MANIFEST).encode(), key.public)
    assert caught.value.file == "manifest.json"
    content = json.loads(key.signature(MANIFEST))
    content["signature"] = json.loads(key.signature(b"else"))["signature"]
    with pytest.raises(VerificationFailed) as caught:
        check_signature(MANIFEST, json.dumps(content).encode(), key.public)
    assert caught.value.file == "manifest.json.sig"


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b'{"format": "simulacra-signature/9"}'])
def test_what_is_no_signature_is_said(text):
    with pytest.raises(VerificationFailed, match=r"manifest\.json\.sig: it is no signature file"):
        check_signature(MANIFEST, text, None)


def test_a_private_key_that_others_can_read_is_refused(keys):
    (keys / "signing.key").chmod(0o640)
    with pytest.raises(ConfigurationError, match="can be read by others.*set its mode to 0600"):
        read_signing_key(keys / "signing.key")


def test_keys_that_are_not_there_or_are_mixed_up_are_said(keys, tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read.*'simulacra keys new FOLDER' makes a pair"):
        read_signing_key(tmp_path / "none")
    with pytest.raises(ConfigurationError, match=r"is a private key.*give the public one, signing\.pub"):
        read_public_key(keys / "signing.key")
    (keys / "signing.pub").chmod(0o600)
    with pytest.raises(ConfigurationError, match=r"no Ed25519 private key.*give the signing\.key"):
        read_signing_key(keys / "signing.pub")


def test_keys_of_another_kind_and_files_that_are_none_are_refused(tmp_path):
    other, secret, text = tmp_path / "rsa", tmp_path / "secret", tmp_path / "text"
    key = rsa.generate_private_key(65537, 2048)
    other.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    locked = BestAvailableEncryption(b"word")
    secret.write_bytes(ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))
    text.write_text("a key")
    for path in (other, secret, text):
        path.chmod(0o600)
        with pytest.raises(ConfigurationError, match="no Ed25519 private key without a password"):
            read_signing_key(path)
    other.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    for path in (other, text):
        with pytest.raises(ConfigurationError, match="no Ed25519 public key"):
            read_public_key(path)
