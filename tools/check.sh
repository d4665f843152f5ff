#!/usr/bin/env bash
# Sets up, builds and runs every test. The last line is
#   N passed, N failed, N skipped
# summed over all parts; a part that could not run counts as a failure, and any
# failure makes the exit status 1. Logs and JUnit reports: build/logs/.
#
# Usage: tools/check.sh           everything
#        tools/check.sh --fast    for the inner loop: no sanitizers, nothing that
#                                 is marked slow
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/tools/common.sh"
cd "$root"

fast=false
case ${1:-} in
  --fast) fast=true ;;
  "") ;;
  *) say "usage: tools/check.sh [--fast]"; exit 2 ;;
esac

reports=build/logs
python=build/venv/bin/python
jobs=$(nproc)
parts=(programs lit python)
$fast || parts+=(runtime-alone sanitized sanitized-lit)

# Runs a part and goes on after a failure: its report says what failed, and a
# part without a report is counted as failed by the summary.
part() { try_logged "$@" || true; }

run_programs() {
  local labels='^lit$'
  ! $fast || labels='^(lit|slow)$'
  part "programs and sources" ctest --test-dir build -LE "$labels" -j "$jobs" \
    --timeout 900 --output-on-failure --no-tests=error \
    --output-junit "$root/$reports/programs.xml"
}

# run_lit REPORT BUILD [FOLDER…]: lit tests of a build, or of some folders.
run_lit() {
  local report=$1 build=$2 lit
  shift 2
  lit=$(sed -n 's/^WEFT_LIT:FILEPATH=//p' "$build/CMakeCache.txt")
  local folders=("${@/#/$build/test/}")
  [[ ${#folders[@]} != 0 ]] || folders=("$build/test")
  local options=(-sv -j "$jobs" --xunit-xml-output "$reports/$report.xml")
  ! $fast || options+=(--param fast=1)
  part "lit tests${1:+ of the sanitized build}" timeout 40m "$lit" "${options[@]}" "${folders[@]}"
}

run_python() {
  local options=(-q -p no:cacheprovider --junitxml "$reports/python.xml")
  ! $fast || options+=(-m "not slow")
  part "Python tests" timeout 40m "$python" -m pytest "${options[@]}" test
}

# The runtime in a build that is not told where LLVM is.
run_runtime_alone() {
  try_logged "configuring the runtime alone" cmake --preset runtime &&
    try_logged "building the runtime alone" cmake --build build/runtime -j "$jobs" || return 0
  part "programs, runtime alone" ctest --test-dir build/runtime -LE '^source$' -j "$jobs" \
    --timeout 900 --output-on-failure --no-tests=error \
    --output-junit "$root/$reports/runtime-alone.xml"
}

# Runtime and importer under ASan and UBSan. Leaks are not looked for: MLIR's
# context and the loaded artifacts live as long as the process. LLVM's
# allocators, inlined into our code, poison what its libraries, which know
# nothing of that, then use.
run_sanitized() {
  try_logged "configuring the sanitized build" cmake --preset sanitize &&
    try_logged "building with the sanitizers" \
      cmake --build build/sanitize -j "$jobs" --target weft-sanitized || return 0
  export ASAN_OPTIONS=detect_leaks=0:strict_string_checks=1:allow_user_poisoning=0
  export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
  part "programs, sanitized" ctest --test-dir build/sanitize -L '^sanitized$' -j "$jobs" \
    --timeout 900 --output-on-failure --no-tests=error \
    --output-junit "$root/$reports/sanitized.xml"
  run_lit sanitized-lit build/sanitize Import Runtime
}

tools/setup.sh
start_log check
rm -f "$reports"/*.xml
if try_logged "configuring" cmake --preset default &&
  try_logged "building" cmake --build build -j "$jobs"; then
  run_programs
  run_lit lit build
  run_python
  $fast || run_runtime_alone
  $fast || run_sanitized
else
  tail -n 30 "$log" >&2
fi
"$python" test/summary.py "${parts[@]/%/=$reports}"
