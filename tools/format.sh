#!/usr/bin/env bash
# Formats every C and C++ file of the repository with clang-format 22.
#
# Usage: tools/format.sh            rewrite
#        tools/format.sh --check    only name the files that would change
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mapfile -t files < <(git ls-files -co --exclude-standard -- '*.c' '*.cpp' '*.h' '*.hpp' |
  while read -r file; do [[ ! -f $file ]] || echo "$file"; done)
if [[ ${1:-} != --check ]]; then
  exec clang-format-22 -i "${files[@]}"
fi
changed=$(clang-format-22 --dry-run "${files[@]}" 2>&1 |
  sed -n 's/^\([^:]*\):[0-9]*:.*clang-format-violations.*/\1/p' | sort -u)
[[ -n $changed ]] || exit 0
sed 's/.*/error: & is not formatted; run tools\/format.sh/' <<<"$changed"
exit 1
