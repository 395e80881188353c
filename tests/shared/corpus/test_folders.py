"""A folder appears whole or not at all."""

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from shared.corpus.folders import clean_stale, fresh_folder, writing
from shared.errors import OutputError


def build(target, fill):
    with fresh_folder(target) as folder:
        fill(folder)


def half(folder):
    (folder / "a").write_text("half")


def half_and_raise(error):
    def fill(folder):
        half(folder)
        raise error

    return fill


def test_the_folder_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "deep" / "out"
    with fresh_folder(target) as folder:
        (folder / "inside").mkdir()
        (folder / "inside" / "a").write_text("a")
        assert not target.exists()
        assert folder.name.startswith(".out.partial-")
    assert (target / "inside" / "a").read_text() == "a"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(1)])
def test_nothing_is_left_after_an_exception(tmp_path, error):
    with pytest.raises(type(error)):
        build(tmp_path / "new" / "out", half_and_raise(error))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: path.symlink_to("nowhere")])
def test_a_target_that_exists_is_refused_and_left_alone(tmp_path, make):
    target = tmp_path / "out"
    make(target)
    with pytest.raises(OutputError, match="out: this exists already; choose another target, or remove it first"):
        build(target, half)
    assert list(tmp_path.iterdir()) == [target]


def test_a_target_that_came_meanwhile_is_refused_and_left_alone(tmp_path):
    target = tmp_path / "out"

    def meanwhile(folder):
        half(folder)
        target.mkdir()
        (target / "b").write_text("theirs")

    with pytest.raises(OutputError, match="exists already"):
        build(target, meanwhile)
    assert [path.name for path in target.iterdir()] == ["b"]
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "the disk is full; make room or choose another place"),
        (errno.EDQUOT, "the disk quota is used up"),
        (errno.EFBIG, "the file grew beyond the largest size"),
        (errno.EACCES, "no permission to write here; choose another place"),
        (errno.EROFS, "the file system is read-only"),
    ],
)
def test_errors_of_the_system_become_one_line(tmp_path, number, message):
    with pytest.raises(OutputError, match=message):
        build(tmp_path / "out", half_and_raise(OSError(number, os.strerror(number))))
    assert list(tmp_path.iterdir()) == []


def test_other_errors_of_the_system_stay_what_they_are(tmp_path):
    with pytest.raises(FileNotFoundError), writing(tmp_path):
        (tmp_path / "nowhere").read_text()


def test_a_file_in_the_way_of_the_path(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="a part of this path is a file and not a folder"):
        build(tmp_path / "file" / "out", half)


def test_a_name_that_is_too_long(tmp_path):
    with pytest.raises(OutputError, match="the name is too long; choose a shorter one"):
        build(tmp_path / ("x" * 250), half)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="no permission to write here"):
        build(tmp_path / "out", half)


def test_a_full_disk_is_one_clear_line(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mount.returncode:
        pytest.skip("mounting a small file system is not permitted here")
    try:
        with pytest.raises(OutputError, match="out: the disk is full; make room or choose another place"):
            build(disk / "out", lambda folder: (folder / "a").write_bytes(b"x" * 1_000_000))
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


SLEEPER = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from shared.corpus.folders import fresh_folder
    with fresh_folder(Path(sys.argv[1])) as folder:
        (folder / "a").write_text("half")
        time.sleep(60)
    """
)


def sleeping(target):
    """A process that is in the middle of building a target."""

    def hear_ctrl_c():  # a shell's background jobs ignore it, and so would their children
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, str(target)], stderr=subprocess.DEVNULL, preexec_fn=hear_ctrl_c
    )
    deadline = time.monotonic() + 30
    while not list(target.parent.glob(".out.partial-*/a")) and time.monotonic() < deadline:
        time.sleep(0.02)
    return process


def test_what_a_killed_run_left_is_removed_and_what_a_running_one_builds_is_not(tmp_path):
    target = tmp_path / "out"
    process = sleeping(target)
    try:
        (building,) = tmp_path.iterdir()
        assert clean_stale(target) == []
        assert building.exists()
    finally:
        process.kill()
        process.wait()
    other = tmp_path / building.name.replace(".out.", ".out2.")
    far = tmp_path / (building.name.split("partial-")[0] + "partial-another.machine-1-" + "0" * 8)
    other.mkdir()
    far.mkdir()
    assert building.exists()
    assert clean_stale(target) == [building]
    assert sorted(tmp_path.iterdir()) == sorted([other, far])
    with fresh_folder(target) as folder:
        (folder / "a").touch()
    assert target.is_dir()


def test_ctrl_c_leaves_nothing(tmp_path):
    process = sleeping(tmp_path / "out")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) != 0
    assert list(tmp_path.iterdir()) == []
