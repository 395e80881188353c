"""In an object store too a reader sees a whole release or none, and never what is internal."""

from __future__ import annotations

import json
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from domains.pipeline.manifest import verify
from domains.pipeline.object_store import check_store, download, upload
from domains.pipeline.publication import pointer_to, publish
from shared.errors import ConfigurationError, DataError, OutputError
from shared.training.reporter import SilentReporter
from tests.domains.pipeline.releases import bundle

QUIET = SilentReporter()
OBJECTS = 10  # eight files, the manifest, the pointer


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"memory://{tmp_path.name}/bucket"


def store(url: str) -> MemoryFileSystem:
    return fsspec.core.url_to_fs(url)[0]


def objects(url: str) -> list[str]:
    return sorted(path.split("/bucket/", 1)[1] for path in store(url).find(url.removeprefix("memory:/")))


def released(tmp_path: Path, release: str = "r1", out: str = "out") -> Path:
    publish(bundle(tmp_path / f"b-{release}", release), tmp_path / out, release)
    return tmp_path / out


def test_what_was_put_is_fetched_again_whole(tmp_path, url):
    place = upload(released(tmp_path), url, reporter=QUIET)
    assert place == f"{url}/versions/r1/public"
    manifest = download(url, tmp_path / "copy", reporter=QUIET)
    assert manifest.release == "r1"
    assert verify(tmp_path / "copy") == []


def test_a_real_s3_server_serves_as_well(tmp_path, s3_bucket):
    upload(released(tmp_path, "r1"), f"{s3_bucket}/some/prefix", reporter=QUIET)
    upload(released(tmp_path, "r2"), f"{s3_bucket}/some/prefix", reporter=QUIET)
    upload(tmp_path / "out", f"{s3_bucket}/some/prefix", reporter=QUIET)
    assert download(f"{s3_bucket}/some/prefix", tmp_path / "copy", reporter=QUIET).release == "r2"
    assert verify(tmp_path / "copy") == []


def test_a_bucket_that_is_not_there_or_not_ours_is_said(tmp_path, s3_bucket, monkeypatch):
    out = released(tmp_path)
    with pytest.raises(OutputError, match="no-such-bucket/x: this cannot be written: there is no such bucket"):
        upload(out, "s3://no-such-bucket/x", reporter=QUIET)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(OutputError, match="access is denied; check AWS_ACCESS_KEY_ID") as caught:
        upload(out, s3_bucket, reporter=QUIET)
    assert "wrong" not in str(caught.value)


def test_what_is_internal_stays_on_the_disk(tmp_path, url):
    upload(released(tmp_path), url, reporter=QUIET)
    assert [path for path in objects(url) if "internal" in path or "report" in path or "scores" in path] == []
    assert {path.split("/")[0] for path in objects(url)} == {"latest.json", "versions"}


def test_the_later_release_becomes_current_and_the_earlier_one_stays(tmp_path, url):
    upload(released(tmp_path, "r1"), url, reporter=QUIET)
    upload(released(tmp_path, "r2"), url, reporter=QUIET)
    assert download(url, tmp_path / "copy", reporter=QUIET).release == "r2"
    assert "versions/r1/public/manifest.json" in objects(url)


class Breaks:
    """Lets so many objects into a store and fails at the next, which arrives empty."""

    def __init__(self, monkeypatch, after: int) -> None:
        self.left = after
        opened = MemoryFileSystem._open

        def opening(system, path, mode="rb", **options):
            if mode == "wb":
                self.left -= 1
                if self.left < 0:
                    if "data" not in options:  # an object that is put at once arrives whole or not at all
                        opened(system, path, mode, **options).close()
                    raise ConnectionResetError("connection reset by peer")
            return opened(system, path, mode, **options)

        monkeypatch.setattr(MemoryFileSystem, "_open", opening)


@pytest.mark.parametrize("step", range(OBJECTS))
def test_an_upload_that_breaks_shows_nothing_of_itself_and_can_be_finished(tmp_path, url, step):
    upload(released(tmp_path, "r1"), url, reporter=QUIET)
    out = released(tmp_path, "r2")
    with pytest.MonkeyPatch.context() as patch:
        Breaks(patch, step)
        with pytest.raises(OutputError, match="this cannot be written: connection reset by peer"):
            upload(out, url, reporter=QUIET)
    assert download(url, tmp_path / "before", reporter=QUIET).release == "r1"
    with pytest.MonkeyPatch.context() as patch:
        unbroken = Breaks(patch, OBJECTS)
        upload(out, url, reporter=QUIET)
    assert unbroken.left == min(step, OBJECTS - 1)  # what arrived whole is not put again
    assert download(url, tmp_path / "after", reporter=QUIET).release == "r2"


def test_another_release_of_the_same_id_is_refused(tmp_path, url):
    upload(released(tmp_path), url, reporter=QUIET)
    text = store(url).cat_file(f"{url}/versions/r1/public/manifest.json")
    store(url).pipe_file(f"{url}/versions/r1/public/manifest.json", text + b"\n")
    with pytest.raises(OutputError, match="has another release 'r1'; publish this one under another prefix"):
        upload(tmp_path / "out", url, reporter=QUIET)


def test_a_prefix_with_other_things_is_refused(tmp_path, url):
    check_store(url)
    store(url).pipe_file(f"{url}/thesis.tex", b"x")
    with pytest.raises(OutputError, match=r"holds 'thesis\.tex', which is no part of a publication; give a prefix"):
        upload(released(tmp_path), url, reporter=QUIET)


def test_a_folder_without_a_release_is_refused(tmp_path, url):
    with pytest.raises(OutputError, match="holds no release; make one with 'simulacra release CONFIG --out"):
        upload(tmp_path, url, reporter=QUIET)


def test_a_damaged_version_on_the_disk_is_not_put(tmp_path, url):
    out = released(tmp_path)
    (out / "versions" / "r1" / "public" / "README.md").write_text("x")
    with pytest.raises(OutputError, match="not complete"):
        upload(out, url, reporter=QUIET)
    assert objects(url) == []


def test_nothing_is_fetched_from_where_nothing_is(tmp_path, url):
    with pytest.raises(DataError, match="holds no release; give the place"):
        download(url, tmp_path / "copy", reporter=QUIET)
    assert not (tmp_path / "copy").exists()


def damage(url: str, path: str, content: bytes) -> None:
    store(url).pipe_file(f"{url}/{path}", content)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("latest.json", "latest.json is damaged; publish the release again"),
        ("versions/r1/public/manifest.json", "points at 'r1', whose manifest is missing or changed"),
        ("versions/r1/public/README.md", "release 'r1': README.md: .* the manifest says .*; publish it again"),
    ],
)
def test_what_was_damaged_in_the_store_is_not_taken(tmp_path, url, path, message):
    upload(released(tmp_path), url, reporter=QUIET)
    damage(url, path, b"{}")
    with pytest.raises(DataError, match=message):
        download(url, tmp_path / "copy", reporter=QUIET)
    assert not (tmp_path / "copy").exists()


def test_a_manifest_that_names_files_outside_is_not_followed(tmp_path, url):
    upload(released(tmp_path), url, reporter=QUIET)
    path = f"{url}/versions/r1/public/manifest.json"
    content = json.loads(store(url).cat_file(path))
    content["files"]["../../evil"] = {"sha256": "0" * 64, "bytes": 1}
    text = json.dumps(content).encode()
    store(url).pipe_file(path, text)
    damage(url, "latest.json", pointer_to("r1", text).encode())
    with pytest.raises(DataError, match="a file outside its folder"):
        download(url, tmp_path / "copy", reporter=QUIET)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("folder", "no place in an object store; give a URL such as"),
        ("file:///tmp/x", "no place in an object store"),
        ("carrier-pigeon://x/y", "protocol 'carrier-pigeon' is not known"),
        ("memory://", "names no bucket"),
    ],
)
def test_what_is_no_object_store_is_refused(place, message):
    with pytest.raises(ConfigurationError, match=message):
        check_store(place)
