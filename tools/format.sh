#!/usr/bin/env bash
# Formats every C and C++ file of the repository with clang-format 22.
#
# Usage: tools/format.sh            rewrite
#        tools/format.sh --check    only name the files that would change
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mapfile -t files < <(git ls-files -co --exclude-standard -- '*.c' '*.cpp' '*.h' '*.hpp')
format=clang-format-22
if [[ ${1:-} != --check ]]; then
  exec "$format" -i "${files[@]}"
fi
status=0
for file in "${files[@]}"; do
  [[ -f $file ]] || continue
  cmp -s "$file" <("$format" "$file") || {
    echo "error: $file is not formatted; run tools/format.sh"
    status=1
  }
done
exit $status
