"""An untouched release is accepted; a touched one is refused by the name of the first file that was touched."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domains.pipeline.manifest import FileEntry, inventory, read_manifest
from domains.pipeline.object_store import download, upload
from domains.pipeline.publication import publish
from domains.pipeline.signing import SigningKey, read_public_key
from domains.pipeline.verifying import verified
from shared.errors import ConfigurationError, OutputError, VerificationFailed
from shared.training.reporter import SilentReporter
from tests.domains.pipeline.signed import hashed_again, signed_bundle, signing_key

CHECKS = ["manifest", "signature", "files", "ledger", "budget", "statement"]
NAMES = [
    "README.md", "croissant.json", "encounters.csv.gz", "ledger.json", "manifest.json", "manifest.json.sig",
    "parquet/encounters.parquet", "parquet/schema.yaml", "privacy.json", "privacy.md", "schema.yaml",
]  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def key(home) -> SigningKey:
    return signing_key(home / "keys")


@pytest.fixture(scope="module")
def made(home, key) -> Path:
    """The public folder of the second of two signed releases of one source; none of these tests changes it."""
    signed_bundle(home / "first", ledger=home / "ledger.sqlite", release="r0", key=key)
    return signed_bundle(home / "second", ledger=home / "ledger.sqlite", release="r1", key=key) / "public"


@pytest.fixture
def public(made, tmp_path) -> Path:
    """A copy to touch."""
    return Path(shutil.copytree(made, tmp_path / "public"))


@pytest.fixture
def unsigned(home, tmp_path) -> Path:
    return signed_bundle(tmp_path / "unsigned", ledger=tmp_path / "ledger.sqlite") / "public"


def at_fault(folder: Path, key: SigningKey | None) -> VerificationFailed:
    with pytest.raises(VerificationFailed) as caught:
        list(verified(folder, None if key is None else key.public))
    return caught.value


def test_an_untouched_release_passes_every_check(made, key):
    checks = list(verified(made, key.public))
    assert [check.name for check in checks] == CHECKS
    says = {check.name: check.says for check in checks}
    assert says["signature"] == f"signed with the key that was given, {key.public.fingerprint}"
    assert "9 files are as the manifest says" in says["files"]
    assert "3 entries that ends with this release's charge" in says["ledger"]
    assert "of the promised 3" in says["budget"]


def test_a_bundle_and_a_folder_of_publications_are_taken_too(home, key, tmp_path):
    bundle = signed_bundle(tmp_path / "bundle", ledger=tmp_path / "ledger.sqlite", key=key)
    assert [check.name for check in verified(bundle, key.public)] == CHECKS
    publish(bundle, tmp_path / "out", "r1")
    assert [check.name for check in verified(tmp_path / "out", key.public)] == CHECKS
    manifest = tmp_path / "out" / "versions" / "r1" / "public" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("Encounters", "encounters", 1))
    assert at_fault(tmp_path / "out", key).file == "latest.json"


def test_all_files_of_a_signed_release_are_those_below(made):
    assert sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()) == NAMES


@pytest.mark.parametrize("with_key", [True, False])
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_any_byte_of_any_file_that_is_flipped_names_its_file(made, key, name, with_key, data):
    path = made / name
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    touched = bytearray(whole)
    touched[place] ^= data.draw(st.integers(1, 255))
    try:
        path.write_bytes(touched)
        assert at_fault(made, key if with_key else None).file == name
    finally:
        path.write_bytes(whole)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_byte_of_the_signature_is_idle(made, key, data):
    path = made / "manifest.json.sig"
    whole = path.read_bytes()
    touched = bytearray(whole)
    touched[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.sampled_from([1, 2, 32, 128]))
    try:
        path.write_bytes(touched)
        assert at_fault(made, None).file == "manifest.json.sig"
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_missing_cut_or_longer_is_named(public, key, name):
    path = public / name
    whole = path.read_bytes()
    for content in (None, whole[:-1], b"", whole + b"\n"):
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        assert at_fault(public, key).file == name
        path.write_bytes(whole)
    list(verified(public, key.public))


@pytest.mark.parametrize("name", ["extra.csv", "deep/er/extra.txt", ".hidden", "parquet/more.parquet"])
def test_a_file_that_was_added_is_named(public, key, name):
    (public / name).parent.mkdir(parents=True, exist_ok=True)
    (public / name).write_text("x")
    fault = at_fault(public, key)
    assert fault.file == name
    assert "not listed in the manifest" in str(fault)


def test_links_are_not_followed(public, key, tmp_path):
    for name in ("schema.yaml", "manifest.json", "manifest.json.sig"):
        elsewhere = tmp_path / "elsewhere"
        (public / name).rename(elsewhere)
        (public / name).symlink_to(elsewhere)
        assert at_fault(public, key).file == name
        (public / name).unlink()
        elsewhere.rename(public / name)
    (public / "parquet").rename(tmp_path / "parquet")
    (public / "parquet").symlink_to(tmp_path / "parquet")
    assert at_fault(public, key).file == "parquet/encounters.parquet"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("../internal/report.html", "outside its folder"),
        ("parquet/../../x", "outside its folder"),
        ("/etc/hostname", "outside its folder"),
        ("..\\internal\\report.html", "outside its folder"),
        ("./README.md", "no file of a release has"),
        ("parquet//schema.yaml", "no file of a release has"),
        ("manifest.json", "no file of a release has"),
        ("", "no file of a release has"),
        (".", "no file of a release has"),
        ("a\x00b", "no file of a release has"),
        ("a\nfiles: all is well", "no file of a release has"),
        ("x" * 5000, "missing"),
    ],
)
def test_a_manifest_with_names_that_lead_elsewhere_is_refused(unsigned, path, says):
    content = replace(read_manifest(unsigned), files=(FileEntry(path=path, sha256="0", size=0), *inventory(unsigned)))
    (unsigned / "manifest.json").write_text(content.to_json())
    fault = at_fault(unsigned, None)
    assert says in str(fault)
    assert "\n" not in str(fault)


def test_a_name_that_stands_twice_in_a_manifest_is_refused(unsigned):
    path = unsigned / "manifest.json"
    path.write_text(path.read_text().replace('"release": "r1"', '"release": "r2",\n  "release": "r1"'))
    assert at_fault(unsigned, None).file == "manifest.json"


@pytest.mark.parametrize(
    ("old", "new"),
    [('"epsilon": 3.0', '"epsilon": "3"'), ('"unit": "patient"', '"unit": 5'), ('"files": {', '"files": {"a": 3, ')],
)
def test_a_manifest_of_other_kinds_of_values_is_refused(unsigned, old, new):
    path = unsigned / "manifest.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert at_fault(unsigned, None).file == "manifest.json"


def test_the_signature_of_another_key_is_refused_with_both_fingerprints(public, key, tmp_path):
    other = signing_key(tmp_path / "others-keys")
    manifest = replace(read_manifest(public), signed_by=other.public.fingerprint)
    (public / "manifest.json").write_text(manifest.to_json())
    (public / "manifest.json.sig").write_text(other.signature((public / "manifest.json").read_bytes()))
    fault = at_fault(public, key)
    assert fault.file == "manifest.json.sig"
    assert key.public.fingerprint in str(fault)
    assert other.public.fingerprint in str(fault)
    (_, signature, *_) = verified(public)
    assert other.public.fingerprint in signature.says
    assert "whose that is shows only --key" in signature.says


def test_another_key_over_the_same_manifest_is_refused_without_a_key_too(public, tmp_path):
    other = signing_key(tmp_path / "others-keys")
    (public / "manifest.json.sig").write_text(other.signature((public / "manifest.json").read_bytes()))
    assert at_fault(public, None).file == "manifest.json.sig"


def test_a_table_that_was_changed_with_its_hash_is_found_by_the_signature(public, key):
    (public / "encounters.csv.gz").write_bytes(b"other rows")
    hashed_again(public)
    fault = at_fault(public, key)
    assert fault.file == "manifest.json"
    assert "changed after it was signed" in str(fault)


def test_a_signature_that_was_taken_away_is_missed(public):
    (public / "manifest.json.sig").unlink()
    assert at_fault(public, None).file == "manifest.json.sig"


def test_an_unsigned_release_is_checked_and_said_to_be_unsigned(unsigned, key):
    checks = list(verified(unsigned))
    assert [check.name for check in checks] == CHECKS
    assert "not signed" in checks[1].says
    fault = at_fault(unsigned, key)
    assert fault.file == "manifest.json.sig"
    assert "leave out --key to check the files alone" in str(fault)


def test_a_release_without_a_promise_is_checked_too(tmp_path, key):
    public = signed_bundle(tmp_path / "plain", ledger=tmp_path / "none.sqlite", key=key, private=False) / "public"
    checks = {check.name: check.says for check in verified(public, key.public)}
    assert checks["ledger"] == "nothing is promised, and nothing was charged"
    assert "nothing is promised" in checks["statement"]
    assert not (public / "ledger.json").exists()


def edited(change: Callable[[dict], None]) -> Callable[[Path, Path], None]:
    def touch(public: Path, _: Path) -> None:
        content = json.loads((public / "ledger.json").read_text())
        change(content)
        (public / "ledger.json").write_text(json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n")

    return touch


def of_the_first_release(public: Path, home: Path) -> None:
    shutil.copy(home / "first" / "public" / "ledger.json", public / "ledger.json")


TOUCHES = {
    "cut off at its end": (edited(lambda c: c["entries"].pop()), "must end with the charge of 'r1'"),
    "cut off at its start": (edited(lambda c: c["entries"].pop(0)), "entry 1 .* does not follow"),
    "a charge taken out": (edited(lambda c: c["entries"].pop(1)), "entry 2 .* does not follow"),
    "reordered": (edited(lambda c: c["entries"].insert(1, c["entries"].pop())), "entry 2 .* does not follow"),
    "an epsilon lowered": (edited(lambda c: c["entries"][1].update(epsilon=0.1)), "entry 2 .* does not follow"),
    "the cap raised": (edited(lambda c: c["entries"][0].update(epsilon=99)), "entry 1 .* does not follow"),
    "of another source": (edited(lambda c: c.update(source="hospital-b")), "entry 1 .* does not follow"),
    "a field more": (edited(lambda c: c["entries"][1].update(reason="x")), "entry 2 .* no cap and no charge"),
    "spent less": (edited(lambda c: c.update(spent=0.01)), "charges compose to an epsilon"),
    "spent more": (edited(lambda c: c.update(spent=9.0)), "charges compose to an epsilon"),
    "no number": (edited(lambda c: c.update(spent="little")), "cannot be read"),
    "another format": (edited(lambda c: c.update(format="x/1")), "has format 'x/1'"),
    "nothing": (edited(lambda c: c["entries"].clear()), "cannot be read"),
    "of another release": (of_the_first_release, "ends with 'r0'; it must end with the charge of 'r1'"),
}


@pytest.mark.parametrize("how", TOUCHES)
def test_a_touched_extract_of_the_ledger_is_found_though_all_hashes_were_computed_again(made, home, tmp_path, how):
    public = Path(shutil.copytree(made, tmp_path / "public"))
    (public / "manifest.json.sig").unlink()
    touch, says = TOUCHES[how]
    touch(public, home)
    (public / "manifest.json").write_text(
        replace(read_manifest(public), files=inventory(public), signed_by=None).to_json()
    )
    with pytest.raises(VerificationFailed, match=says) as caught:
        list(verified(public))
    assert caught.value.file == "ledger.json"


def test_a_promise_that_its_mechanisms_do_not_keep_is_found_even_if_it_is_signed(public, key):
    manifest = read_manifest(public)
    lower = replace(manifest, promise=replace(manifest.promise, epsilon=0.1))
    (public / "manifest.json").write_text(lower.to_json())
    (public / "manifest.json.sig").write_text(key.signature((public / "manifest.json").read_bytes()))
    fault = at_fault(public, key)
    assert fault.file == "manifest.json"
    assert "0.1 is promised; do not rely on the promise" in str(fault)


def test_a_statement_that_says_something_else_is_found_even_if_it_is_signed(public, key):
    facts = json.loads((public / "privacy.json").read_text())
    facts["promise"]["epsilon"] = 1.0
    (public / "privacy.json").write_text(json.dumps(facts))
    hashed_again(public)
    (public / "manifest.json.sig").write_text(key.signature((public / "manifest.json").read_bytes()))
    fault = at_fault(public, key)
    assert fault.file == "privacy.json"
    assert "'promise' is not what the manifest says" in str(fault)


def test_what_is_no_release_is_said(tmp_path):
    with pytest.raises(ConfigurationError, match="there is no folder .*give a release"):
        list(verified(tmp_path / "none"))
    fault = at_fault(tmp_path, None)
    assert fault.file == "manifest.json"
    assert "give the folder of a release" in str(fault)


def test_an_object_store_carries_signature_extract_and_statement(tmp_path, home, key):
    publish(signed_bundle(tmp_path / "b", ledger=tmp_path / "l.sqlite", key=key), tmp_path / "out", "r1")
    url = f"memory://{tmp_path.name}/bucket"
    upload(tmp_path / "out", url, reporter=SilentReporter())
    download(url, tmp_path / "copy", reporter=SilentReporter())
    assert [
        check.name for check in verified(tmp_path / "copy", read_public_key(home / "keys" / "signing.pub"))
    ] == CHECKS


def test_a_bundle_that_lost_its_signature_is_not_published(tmp_path, key):
    bundle = signed_bundle(tmp_path / "b", ledger=tmp_path / "l.sqlite", key=key)
    (bundle / "public" / "manifest.json.sig").unlink()
    with pytest.raises(OutputError, match=r"manifest\.json\.sig: missing"):
        publish(bundle, tmp_path / "out", "r1")
