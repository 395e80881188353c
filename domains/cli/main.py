"""The command ``simulacra``: parses, calls, prints; maps every end to an exit code.

==  ==============================
0   done
2   bad input or configuration
3   gate refused
4   budget refused
5   interrupted
6   verification failed
==  ==============================
"""

from __future__ import annotations

import importlib
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from domains.cli.failures import BAD_INPUT, DONE, explained, one_line

_FAULT = 1
_INTERRUPTED_BY_TYPER = 130  # typer's own number for Ctrl-C
_PATIENCE_SECONDS = 3.0


class _Interruption(KeyboardInterrupt):
    """A class of its own: Python kills a process at its end if a plain KeyboardInterrupt once passed through exec()."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; never raises."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with _interruptible():
            # Loading torch takes a second or two: it happens here so that Ctrl-C meets a handler.
            app = importlib.import_module("domains.cli.app").app
            return _run(app, given)
    except BaseException as error:
        if isinstance(error, SystemExit):
            return error.code if isinstance(error.code, int) else BAD_INPUT
        return _failed(error, debug="--debug" in given)


def _run(app: Any, arguments: list[str]) -> int:
    try:
        code = app(args=arguments, prog_name="simulacra", standalone_mode=False)
    except Exception as error:
        # typer carries click inside; its usage errors are known by their method, not by their class.
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        _say(_usage(one_line(message()), error))
        return BAD_INPUT
    if code == _INTERRUPTED_BY_TYPER:
        raise KeyboardInterrupt
    return code if isinstance(code, int) else DONE


def _usage(message: str, error: Exception) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "simulacra"
    return f"{message.rstrip('.')}; see '{command} --help'"


def _failed(error: BaseException, *, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    if type(error).__name__ == "Abort":
        error = KeyboardInterrupt()
    known = explained(error)
    if known is None:
        _say(f"a fault in simulacra: {type(error).__name__}: {one_line(str(error))}; run with --debug and report it")
        return _FAULT
    code, line = known
    _say(line)
    return code


def _say(line: str) -> None:
    sys.stderr.write(f"simulacra: {line}\n")


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C and SIGTERM end the command in good order; more of them cannot stop the tidying up that follows."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    first: list[float] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        now = time.monotonic()
        if first and now - first[0] < _PATIENCE_SECONDS:
            return
        first[:] = [now]
        raise _Interruption

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main())
