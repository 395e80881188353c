"""What a user is told when a command fails: one line, and the exit code that scripts look at."""

from __future__ import annotations

import errno
import re

from shared.errors import SimulacraError

DONE = 0
BAD_INPUT = 2
INTERRUPTED = 5
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# Libraries that write from compiled code (safetensors, SQLite, Arrow) give the number in their message alone.
_FULL_TEXT = re.compile(r"os error (28|27|122)\b|errno (28|27|122)\b|no space left|disk is full|file too large", re.I)


def explained(error: BaseException) -> tuple[int, str] | None:
    """Exit code and line for an error that a user can do something about; ``None`` for a fault of ours."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, f"interrupted; {'; '.join(getattr(error, '__notes__', ())) or 'nothing was left behind'}"
    if isinstance(error, SimulacraError):
        # A library's "disk full" may have been taken for a damaged file on the way up.
        cause = error.__cause__
        if isinstance(cause, OSError) and disk_is_full(cause):
            return BAD_INPUT, _full(cause)
        return error.exit_code, one_line(str(error))
    if disk_is_full(error):
        return BAD_INPUT, _full(error)
    if isinstance(error, MemoryError):
        return BAD_INPUT, "not enough memory; give fewer units, a smaller batch, or a larger machine"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return BAD_INPUT, f"{where}{error.strerror or one_line(str(error))}"
    return None


def disk_is_full(error: BaseException) -> bool:
    """Whether an error says that nothing more could be written."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    return isinstance(error, Exception) and _FULL_TEXT.search(str(error)) is not None


def one_line(text: str) -> str:
    """A message without line breaks."""
    return " ".join(text.split())


def _full(error: BaseException) -> str:
    name = getattr(error, "filename", None)
    where = f" while writing {name}" if name else ""
    return f"the disk is full{where}; free space, or give an --out on another disk. Nothing was left behind"
