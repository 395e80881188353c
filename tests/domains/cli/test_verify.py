"""Keys, a signed release and its verification, as commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.domains.cli.clinic import Cli
from tests.domains.cli.test_release import hospital

PRIVACY = {"epsilon": 2, "rows": 2, "steps": 10, "batch_units": 120, "cap": {"epsilon": 4}}


def test_a_signed_private_release_is_verified_offline_until_a_byte_changes(cli: Cli, tmp_path: Path) -> None:
    made = cli("keys", "new", tmp_path / "keys", "--json")
    assert made.code == 0, made.err
    config = hospital(tmp_path / "config", privacy=PRIVACY, sign={"key": "../keys/signing.key"})
    outcome = cli("release", config, "--json", "--out", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    public = Path(outcome.json["public"])
    manifest = (public / "manifest.json").read_text()
    assert json.loads(manifest)["signed_by"] == made.json["fingerprint"]
    assert "signing.key" not in manifest
    assert str(tmp_path) not in "".join(path.read_text() for path in public.glob("*.json*"))

    pub = tmp_path / "keys" / "signing.pub"
    assert cli("keys", "show", pub).out.strip() == made.json["fingerprint"]
    for given in (tmp_path / "out", public.parent, public):
        verified = cli("verify", given, "--key", pub, "--json")
        assert verified.code == 0, verified.err
        checks = [check["check"] for check in verified.json["checks"]]
        assert checks == ["manifest", "signature", "files", "ledger", "budget", "statement"]
    lines = cli("verify", public, "--key", pub).out.splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == checks
    assert lines[-1].startswith("verified ")

    card = public / "README.md"
    card.write_bytes(card.read_bytes().replace(b"Synthetic", b"synthetic", 1))
    cli("verify", public, "--key", pub, "--json").assert_refused("README.md", "SHA-256", code=6)
    told = cli("verify", public)
    assert told.code == 6
    assert [line.split(":")[0] for line in told.out.splitlines()] == ["manifest", "signature"]


def test_a_release_without_promise_and_key_says_so(cli: Cli, tmp_path: Path) -> None:
    outcome = cli("release", hospital(tmp_path / "config"), "--json", "--out", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert "There is no privacy promise" in (Path(outcome.json["public"]) / "privacy.md").read_text()
    verified = cli("verify", tmp_path / "out")
    assert verified.code == 0, verified.err
    assert "the release is not signed" in verified.out
    assert "nothing is promised" in verified.out
    cli("keys", "new", tmp_path / "keys")
    cli("verify", tmp_path / "out", "--key", tmp_path / "keys" / "signing.pub", "--json").assert_refused(
        "manifest.json.sig: missing", "not signed", code=6
    )


def test_a_key_that_cannot_sign_is_refused_before_anything_is_spent(
    cli: Cli, tmp_path: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = hospital(tmp_path / "config", privacy=PRIVACY)
    monkeypatch.setenv("SIMULACRA_SIGNING_KEY", str(tmp_path / "none.key"))
    cli("release", config, "--out", tmp_path / "out").assert_refused("none.key cannot be read", "simulacra keys new")
    assert not ledger.exists()
    assert not (tmp_path / "out").exists()


def test_the_environment_names_the_key_before_the_configuration(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = cli("keys", "new", tmp_path / "keys", "--json")
    monkeypatch.setenv("SIMULACRA_SIGNING_KEY", str(tmp_path / "keys" / "signing.key"))
    config = hospital(tmp_path / "config", sign={"key": "no-such.key"})
    outcome = cli("release", config, "--json", "--out", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    manifest = json.loads((Path(outcome.json["public"]) / "manifest.json").read_text())
    assert manifest["signed_by"] == made.json["fingerprint"]


def test_a_bad_key_and_no_release_are_bad_input(cli: Cli, tmp_path: Path) -> None:
    cli("keys", "new", tmp_path / "keys")
    private = tmp_path / "keys" / "signing.key"
    cli("verify", tmp_path, "--key", private).assert_refused("is a private key", "signing.pub")
    cli("verify", tmp_path / "none").assert_refused("there is no folder", "give a release")
    cli("keys", "new", tmp_path / "keys").assert_refused("exists already")


def test_a_configuration_names_a_file_and_never_holds_a_key(cli: Cli, tmp_path: Path) -> None:
    config = hospital(tmp_path / "config", sign="signing.key")
    cli("release", config, "--out", tmp_path / "out").assert_refused("sign", "signing.key")
