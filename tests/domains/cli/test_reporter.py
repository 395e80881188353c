"""Progress bars: on a terminal, with the time that is left."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from domains.cli.reporter import RichReporter
from domains.cli.terminal import progress
from shared.training.reporter import SilentReporter


def test_a_bar_shows_what_is_done_and_the_latest_measure() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100)
    with RichReporter(console) as reporter, reporter.stage("training", 10) as stage:
        stage.advance(4)
        stage.log(loss=1.25)
        reporter.refresh()
    shown = stream.getvalue()
    assert "training" in shown
    assert "40%" in shown
    assert "loss 1.25" in shown
    assert ":" in shown, "the time that is left"


def test_stages_may_lie_in_each_other_and_end_with_an_error() -> None:
    reporter = RichReporter(Console(file=io.StringIO(), force_terminal=True))

    def work() -> None:
        with reporter, reporter.stage("outer", 2) as outer, reporter.stage("inner", 0):
            outer.advance()
            assert reporter.busy
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert not reporter.busy


def test_silence_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as reporter:
        assert isinstance(reporter, SilentReporter)
        with reporter.stage("work", 1) as stage:
            stage.advance()
    assert capsys.readouterr() == ("", "")
