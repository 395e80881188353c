"""A reader sees a whole release or none, whatever happens to the publisher."""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from domains.pipeline import publication
from domains.pipeline.manifest import read_manifest, verify
from domains.pipeline.publication import check_target, current, keep_refused, publish
from shared.errors import DataError, GateRefused, OutputError
from tests.domains.pipeline.releases import bundle

ROOT = Path(__file__).parents[3]
# Publishes releases one after another, copied from a template, until it is killed.
PUBLISHER = """
import shutil, sys
from dataclasses import replace
from pathlib import Path
from domains.pipeline.manifest import read_manifest
from domains.pipeline.publication import publish
template, target, work, name = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
print("ready", flush=True)
for number in range(int(sys.argv[5])):
    release = f"{name}-{number}"
    bundle = work / release
    shutil.copytree(template, bundle)
    manifest = replace(read_manifest(bundle / "public"), release=release)
    (bundle / "public" / "manifest.json").write_text(manifest.to_json())
    publish(bundle, target, release)
"""


def start(template: Path, target: Path, work: Path, name: str, count: int) -> subprocess.Popen[str]:
    work.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", PUBLISHER, str(template), str(target), str(work), name, str(count)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@dataclass
class Seen:
    """What a reader saw: the releases, and what was wrong with them."""

    releases: set[str] = field(default_factory=set)
    problems: set[str] = field(default_factory=set)


@contextmanager
def reading(target: Path) -> Iterator[Seen]:
    """A reader that polls ``target`` for as long as the block runs."""
    seen, stop = Seen(), threading.Event()

    def poll() -> None:
        while not stop.wait(0.002):
            try:
                folder = current(target)
            except DataError as error:
                seen.problems.add(str(error))
                continue
            if folder is not None:
                seen.problems.update(verify(folder / "public"))
                if not (folder / "internal" / "report.html").is_file():
                    seen.problems.add(f"{folder}: no report")
                seen.releases.add(folder.name)

    reader = threading.Thread(target=poll, daemon=True)
    reader.start()
    try:
        yield seen
    finally:
        stop.set()
        reader.join()


def test_before_the_first_release_there_is_none(tmp_path):
    assert current(tmp_path) is None
    assert current(tmp_path / "nowhere") is None


def test_a_published_release_is_current(tmp_path):
    place = publish(bundle(tmp_path / "b"), tmp_path / "out", "r1")
    assert current(tmp_path / "out") == place == tmp_path / "out" / "versions" / "r1"
    assert verify(place / "public") == []
    assert not (tmp_path / "b").exists()


def test_pointer_and_link_tell_the_same(tmp_path):
    out = tmp_path / "out"
    for release in ("r1", "r2"):
        publish(bundle(tmp_path / release, release), out, release)
    assert json.loads((out / "latest.json").read_text())["release"] == "r2"
    assert (out / "latest").readlink() == Path("versions/r2")
    assert (out / "versions" / "r1" / "public" / "manifest.json").is_file()


def test_a_target_that_was_moved_still_points_right(tmp_path):
    publish(bundle(tmp_path / "b"), tmp_path / "out", "r1")
    (tmp_path / "out").rename(tmp_path / "moved")
    assert current(tmp_path / "moved") == tmp_path / "moved" / "versions" / "r1"
    assert (tmp_path / "moved" / "latest" / "public").is_dir()


def test_publishing_again_changes_nothing(tmp_path):
    first = bundle(tmp_path / "b")
    again = tmp_path / "again"
    shutil.copytree(first, again)
    publish(first, tmp_path / "out", "r1")
    publish(again, tmp_path / "out", "r1")
    publish(again, tmp_path / "out", "r1")
    assert not again.exists()
    assert current(tmp_path / "out") == tmp_path / "out" / "versions" / "r1"


def test_another_bundle_under_a_taken_id_is_refused(tmp_path):
    publish(bundle(tmp_path / "a", "one"), tmp_path / "out", "r1")
    with pytest.raises(OutputError, match="release 'r1' stands in .* already; publish under another id"):
        publish(bundle(tmp_path / "b", "two"), tmp_path / "out", "r1")
    assert read_manifest(tmp_path / "out" / "versions" / "r1" / "public").release == "one"
    assert (tmp_path / "b" / "public").is_dir()


@pytest.mark.parametrize("release", ["", "../x", "a/b", ".hidden", "x" * 201])
def test_an_id_that_cannot_name_a_folder_is_refused(tmp_path, release):
    with pytest.raises(OutputError, match="cannot name a folder; use letters"):
        publish(tmp_path / "b", tmp_path / "out", release)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_bundle_is_refused(tmp_path):
    with pytest.raises(OutputError, match="there is no bundle in .*; assemble one first"):
        publish(tmp_path / "none", tmp_path / "out", "r1")


def test_a_damaged_bundle_is_never_pointed_at(tmp_path):
    damaged = bundle(tmp_path / "b")
    (damaged / "public" / "README.md").unlink()
    with pytest.raises(OutputError, match=r"not complete: README\.md: missing; assemble it again"):
        publish(damaged, tmp_path / "out", "r1")
    assert current(tmp_path / "out") is None


def test_a_bundle_that_did_not_pass_is_never_pointed_at(tmp_path):
    with pytest.raises(GateRefused, match="did not pass its gate and is not published; read its report"):
        publish(bundle(tmp_path / "b", passed=False), tmp_path / "out", "r1")
    assert current(tmp_path / "out") is None


def test_of_a_refused_release_the_report_is_kept_and_the_tables_are_not(tmp_path):
    out = tmp_path / "out"
    publish(bundle(tmp_path / "good"), out, "r1")
    kept = keep_refused(bundle(tmp_path / "b", "r2", passed=False), out, "r2")
    assert kept == out / "refused" / "r2"
    assert [path.name for path in kept.iterdir()] == ["internal"]
    assert (kept / "internal" / "report.html").is_file()
    assert not (tmp_path / "b").exists()
    assert current(out) == out / "versions" / "r1"


def test_refusing_says_what_is_wrong(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(OutputError, match="there is no bundle"):
        keep_refused(tmp_path / "none", out, "r1")
    keep_refused(bundle(tmp_path / "a", passed=False), out, "r1")
    with pytest.raises(OutputError, match="refused/r1 exists already; refuse under another id"):
        keep_refused(bundle(tmp_path / "b", passed=False), out, "r1")


def test_a_target_is_free_or_a_publication(tmp_path):
    check_target(tmp_path / "new")
    check_target(tmp_path)
    publish(bundle(tmp_path / "work" / "b"), tmp_path / "out", "r1")
    keep_refused(bundle(tmp_path / "work" / "c", passed=False), tmp_path / "out", "r2")
    check_target(tmp_path / "out")
    (tmp_path / "out" / "thesis.tex").write_text("mine")
    with pytest.raises(OutputError, match=r"exists and holds 'thesis\.tex', which is no part of a publication"):
        check_target(tmp_path / "out")
    with pytest.raises(OutputError, match="is a file; give a folder to publish to"):
        check_target(tmp_path / "out" / "thesis.tex")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"release": "r1"}'])
def test_a_damaged_pointer_says_so(tmp_path, text):
    (tmp_path / "latest.json").write_text(text)
    with pytest.raises(DataError, match=r"latest\.json is damaged; publish the release again"):
        current(tmp_path)


def test_a_release_that_was_changed_afterwards_is_not_current(tmp_path):
    place = publish(bundle(tmp_path / "b"), tmp_path / "out", "r1")
    with (place / "public" / "manifest.json").open("a") as file:
        file.write("\n")
    with pytest.raises(DataError, match="manifest is missing or changed"):
        current(tmp_path / "out")


def test_a_copy_that_was_cut_short_on_the_way_from_another_disk_is_cleared(tmp_path, monkeypatch):
    out = tmp_path / "out"
    (out / "versions" / ".incoming-0123" / "public").mkdir(parents=True)
    publish(bundle(tmp_path / "b"), out, "r1")
    assert [path.name for path in (out / "versions").iterdir()] == ["r1"]


def test_a_bundle_on_another_disk_is_copied(tmp_path):
    shared_memory = Path("/dev/shm")
    if not shared_memory.is_dir() or shared_memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs a second file system at /dev/shm")
    target = shared_memory / f"publication-{os.getpid()}"
    try:
        source = bundle(tmp_path / "b")
        place = publish(source, target, "r1")
        assert current(target) == place
        assert verify(place / "public") == []
        assert (place / "internal").stat().st_mode & 0o777 == 0o700
        assert not source.exists()
    finally:
        shutil.rmtree(target, ignore_errors=True)


def test_a_publisher_waits_for_the_other_and_then_says_so(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with (out / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match=r"another publication to .* did not end within 0\.1 seconds; try again"):
            publish(bundle(tmp_path / "b"), out, "r1", wait_seconds=0.1)
    assert publish(tmp_path / "b", out, "r1", wait_seconds=0.1).is_dir()


def test_a_disk_that_is_full_is_reported_and_nothing_is_pointed_at(tmp_path, monkeypatch):
    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    source = bundle(tmp_path / "b")
    with monkeypatch.context() as patch:
        patch.setattr(publication, "_replace", full)
        with pytest.raises(OutputError, match="the disk is full"):
            publish(source, tmp_path / "out", "r1")
    assert current(tmp_path / "out") is None
    publish(source, tmp_path / "out", "r1")
    assert current(tmp_path / "out") is not None


def test_two_publishers_at_once_both_publish_and_a_reader_sees_whole_releases(tmp_path):
    template, out = bundle(tmp_path / "template"), tmp_path / "out"
    with reading(out) as seen:
        publishers = [start(template, out, tmp_path / name, name, 15) for name in ("a", "b")]
        assert [process.wait(timeout=60) for process in publishers] == [0, 0]
    assert seen.problems == set()
    assert len(list((out / "versions").iterdir())) == 30
    assert current(out).name in ("a-14", "b-14")


def test_a_publisher_killed_at_any_point_leaves_a_whole_release_or_none(tmp_path):
    template, out = bundle(tmp_path / "template"), tmp_path / "out"
    dice = random.Random(0)
    with reading(out) as seen:
        for attempt in range(6):
            process = start(template, out, tmp_path / f"w{attempt}", f"k{attempt}", 1_000)
            time.sleep(dice.uniform(0.02, 0.3))
            process.send_signal(signal.SIGKILL)
            process.wait()
            folder = current(out)
            assert folder is None or verify(folder / "public") == []
    assert seen.problems == set()
    assert seen.releases
    publish(bundle(tmp_path / "last", "last"), out, "last", wait_seconds=1)
    assert current(out) == out / "versions" / "last"


@pytest.mark.parametrize("step", range(1, 30, 2))
def test_a_publication_killed_at_each_step_can_be_finished(tmp_path, step):
    """Ends the process at its n-th call of the functions that change the disk, then publishes again."""
    killer = """
import os, pathlib, shutil, sys
left = int(sys.argv[3])
def dying(function):
    def call(*given, **named):
        global left
        left -= 1
        if left == 0:
            os._exit(9)
        return function(*given, **named)
    return call
for owner, name in ((os, "fsync"), (os, "rename"), (os, "replace"), (os, "symlink"), (os, "unlink"), (os, "mkdir"),
                    (pathlib.Path, "rename"), (pathlib.Path, "replace"), (pathlib.Path, "symlink_to"),
                    (pathlib.Path, "mkdir"), (shutil, "rmtree")):
    setattr(owner, name, dying(getattr(owner, name)))
from domains.pipeline.publication import publish
publish(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), "r2")
"""
    out = tmp_path / "out"
    old = publish(bundle(tmp_path / "a"), out, "r1")
    new = bundle(tmp_path / "b", "r2")
    process = subprocess.run([sys.executable, "-c", killer, str(new), str(out), str(step)], cwd=ROOT, check=False)
    folder = current(out)
    assert folder in (old, out / "versions" / "r2")
    assert verify(folder / "public") == []
    assert process.returncode in (0, 9)
    assert publish(new, out, "r2") == current(out)
