"""The place where a release is made never outlives the work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from domains.pipeline.workspace import workspace

KILLED = """
import os, signal, sys
from pathlib import Path
from domains.pipeline.workspace import workspace

with workspace(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_is_gone_at_the_end_with_the_parents_that_it_made(tmp_path: Path) -> None:
    with workspace(tmp_path / "a" / "b" / "out") as folder:
        (folder / "file").write_text("x")
        assert folder.stat().st_mode & 0o077 == 0, "others may not read it"
        assert folder.parent == tmp_path / "a" / "b"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_it_is_gone_after_an_error(error: type[BaseException], tmp_path: Path) -> None:
    def work() -> None:
        with workspace(tmp_path / "out") as folder:
            (folder / "file").write_text("x")
            raise error

    with pytest.raises(error):
        work()
    assert list(tmp_path.iterdir()) == []


def test_parents_in_which_something_was_published_stay(tmp_path: Path) -> None:
    with workspace(tmp_path / "a" / "out"):
        (tmp_path / "a" / "out").mkdir()
    assert (tmp_path / "a" / "out").is_dir()


def test_what_a_killed_process_left_is_removed_by_the_next_and_no_more(tmp_path: Path) -> None:
    target = tmp_path / "out"
    assert subprocess.run([sys.executable, "-c", KILLED, str(target)]).returncode == -9
    assert len(list(tmp_path.iterdir())) == 1
    with workspace(target) as first:
        assert list(tmp_path.iterdir()) == [first]
        with workspace(target) as second:
            assert {first, second} == set(tmp_path.iterdir()), "another one's work was taken away"
    assert list(tmp_path.iterdir()) == []
