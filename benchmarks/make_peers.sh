#!/usr/bin/env bash
# Make the environments in which peers run, one each under .venv-peers/; nothing of theirs enters .venv.
# Usage: benchmarks/make_peers.sh sdv mostly
set -euo pipefail
cd "$(dirname "$0")/.."
for peer in "$@"; do
    folder=".venv-peers/$peer"
    [ -e "$folder/made" ] && continue
    unwanted=()
    case "$peer" in
        sdv) packages=(torch==2.13.0 sdv==2.0.0 pyarrow) ;;
        sdmetrics) packages=(sdmetrics==0.32.0) ;;
        # torchvision and torchaudio come with it, built for another torch, and break its import.
        mostly) packages=(torch==2.13.0 "mostlyai-engine==2.7.3 torch==2.13.0" pyarrow); unwanted=(torchvision torchaudio) ;;
        *) echo "unknown peer '$peer'; there are: sdv, sdmetrics, mostly" >&2; exit 2 ;;
    esac
    "${PYTHON:-python3}" -m venv "$folder"
    # shellcheck disable=SC2086  # an entry may hold several packages that are resolved together
    for package in "${packages[@]}"; do "$folder/bin/pip" install --quiet $package; done
    for package in "${unwanted[@]}"; do "$folder/bin/pip" uninstall --quiet --yes "$package"; done
    touch "$folder/made"
done
