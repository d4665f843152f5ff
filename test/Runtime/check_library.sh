#!/usr/bin/env bash
# The promises about libweft_runtime that no program can check from inside: at
# most 400 KB stripped, nothing exported but the functions of the header, at
# most 25 of them, nothing needed but the C library.
#
# Usage: check_library.sh LIBRARY HEADER
set -euo pipefail
library=$1 header=$2
status=0
fail() {
  echo "error: $*"
  status=1
}

stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
strip -o "$stripped" "$library"
size=$(stat -c %s "$stripped")
((size <= 400000)) || fail "$size bytes stripped, the limit is 400000"

declared=$(grep -o '^WEFT_API .*(' "$header" | grep -o 'weft_[a-z_]*(' | tr -d '(' | sort)
exported=$(nm -D --defined-only "$library" | awk '{print $3}' | sort)
[[ $declared == "$exported" ]] ||
  fail "declared and exported differ: $(diff <(echo "$declared") <(echo "$exported") | grep '^[<>]' | tr '\n' ' ')"
count=$(wc -l <<<"$declared")
((count <= 25)) || fail "$count functions, the limit is 25"

needed=$(readelf -d "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
  grep -vE '^(libc\.so|libdl\.so|libpthread\.so|ld-linux)' || true)
[[ -z $needed ]] || fail "needs ${needed//$'\n'/, }"
echo "$size bytes, $count functions"
exit $status
