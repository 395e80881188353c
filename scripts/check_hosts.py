"""Fail if a tracked file names a package registry's host or a path of one machine."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

REGISTRY = "|".join(("pypi", "pythonhosted", "npmjs", "deb" + "ian"))
FORBIDDEN = re.compile(rf"\b(?:{REGISTRY})\.(?:org|com|net)\b|/(?:wo" + r"rk|ro" + r"ot|home)/[a-z]")


def findings(files: list[Path]) -> list[str]:
    """``file:line: text`` for each line that names what it must not."""
    found = []
    for file in files:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        found += [f"{file}:{number}: {line.strip()}" for number, line in enumerate(lines, 1) if FORBIDDEN.search(line)]
    return found


if __name__ == "__main__":
    tracked = subprocess.run(["git", "ls-files"], check=True, capture_output=True, text=True).stdout.split("\n")
    problems = findings([Path(name) for name in tracked if name])
    if problems:
        print("registry hosts and machine paths do not belong into the repository:", *problems, sep="\n")
    sys.exit(bool(problems))
