"""The demo: a small hospital is simulated and released, and the report is named at the end."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
OUT = ROOT / "out" / "demo"

if __name__ == "__main__":
    shutil.rmtree(OUT, ignore_errors=True)  # the demo may be run again
    OUT.parent.mkdir(exist_ok=True)
    command = [
        str(Path(sys.executable).parent / "simulacra"),
        "release",
        str(ROOT / "examples/medical/demo.yaml"),
        "--out",
        str(OUT),
    ]
    ended = subprocess.run(command, check=False).returncode
    if ended == 0:
        report = OUT / "latest" / "internal" / "report.html"
        print(f"The synthetic hospital is in {OUT / 'latest' / 'public'}; open the report: {report}")
    sys.exit(ended)
