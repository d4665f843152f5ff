# What the scripts of this folder share; sourced, with `root` set. Commands run
# quietly with their output in a log below build/, whose end is shown when one
# fails.

log=/dev/null

# start_log NAME: what follows is recorded in build/logs/NAME.log.
start_log() {
  mkdir -p "$root/build/logs"
  log=$root/build/logs/$1.log
  : >"$log"
}

fail() {
  echo "error: $*" >&2
  exit 1
}

say() { printf '%s\n' "$*" >&2; }

# try_logged TEXT COMMAND…: says TEXT and how long it took; returns its status.
try_logged() {
  local text=$1 begin=$SECONDS status=0
  shift
  printf '%s … ' "$text" >&2
  printf '\n$ %s\n' "$*" >>"$log"
  "$@" >>"$log" 2>&1 </dev/null || status=$?
  if [[ $status == 0 ]]; then say "$((SECONDS - begin)) s"; else say "failed"; fi
  return "$status"
}

# logged TEXT COMMAND…: like try_logged, but a failure ends the script.
logged() {
  try_logged "$@" || {
    tail -n 20 "$log" >&2
    fail "$1 failed; the whole log is ${log#"$root"/}"
  }
}
