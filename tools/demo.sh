#!/usr/bin/env bash
# The main job, from a fresh clone: installs what is missing, builds, then
# compiles real models ahead of time, runs them and ONNX Runtime side by side,
# and prints how long each took and how far the results differ.
#
# Usage: tools/demo.sh [--json FILE] [--only TEXT] [--threads N]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/tools/common.sh"

"$root/tools/setup.sh"
start_log demo
logged "configuring" cmake -S "$root" --preset default
logged "building" cmake --build "$root/build" -j "$(nproc)" --target weft weft_runtime
exec "$root/build/venv/bin/python" "$root/tools/demo.py" "$@"
