#!/usr/bin/env bash
# Make the environments in which peers run, one each under .venv-peers/; nothing of theirs enters .venv.
# Usage: benchmarks/make_peers.sh sdv
set -euo pipefail
cd "$(dirname "$0")/.."
for peer in "$@"; do
    folder=".venv-peers/$peer"
    [ -e "$folder/made" ] && continue
    case "$peer" in
        sdv) packages=(torch==2.13.0 sdv==2.0.0 pyarrow) ;;
        *) echo "unknown peer '$peer'; there is: sdv" >&2; exit 2 ;;
    esac
    "${PYTHON:-python3}" -m venv "$folder"
    for package in "${packages[@]}"; do "$folder/bin/pip" install --quiet "$package"; done
    touch "$folder/made"
done
