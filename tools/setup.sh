#!/usr/bin/env bash
# Installs what Weft needs on Debian 12 or Ubuntu: the packages of
# tools/packages.txt and the Python packages of tools/requirements.txt in
# build/venv. Looks first and asks no registry when nothing is missing, so a
# second call takes a fraction of a second and works without a network.
#
# Usage: tools/setup.sh [--check]     --check: only say what is missing
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/tools/common.sh"

missing_packages() {
  local wanted installed
  wanted=$(sed 's/#.*//' "$root/tools/packages.txt" | awk 'NF { print $1 }' | sort)
  installed=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' 2>/dev/null |
    awk '$1 == "ii" { print $2 }' | sort -u)
  comm -23 <(echo "$wanted") <(echo "$installed")
}

# Packages among the arguments that no configured source of apt has.
unavailable_packages() {
  comm -23 <(printf '%s\n' "$@" | sort) <(apt-cache policy "$@" 2>/dev/null |
    awk '/^[^ ]/ { name = $1; sub(":$", "", name) }
         $1 == "Candidate:" && $2 != "(none)" { print name }' | sort)
}

install_packages() {
  local packages=("$@") sudo="" none
  command -v apt-get >/dev/null ||
    fail "Weft's set-up knows Debian and Ubuntu; install the equivalents of: ${packages[*]}"
  if [[ $(id -u) != 0 ]]; then
    sudo=$(command -v sudo) ||
      fail "not root and no sudo; as root run: apt-get install ${packages[*]}"
  fi
  if [[ -n $(unavailable_packages "${packages[@]}") ]]; then
    logged "reading the package lists" $sudo apt-get update
    none=$(unavailable_packages "${packages[@]}" | xargs)
    [[ -z $none ]] || fail "this system's package sources do not have: $none" \
      "(Weft needs LLVM and MLIR 22, as in Debian 12's security updates)"
  fi
  local apt=($sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y
    --no-install-recommends "${packages[@]}")
  # A list that is older than the registry names files that are gone.
  try_logged "installing ${#packages[@]} packages" "${apt[@]}" || {
    logged "reading the package lists" $sudo apt-get update
    logged "installing ${#packages[@]} packages" "${apt[@]}"
  }
}

# True when build/venv has exactly the pinned versions.
venv_is_complete() {
  [[ -x $venv/bin/python ]] && "$venv/bin/python" - "$root/tools/requirements.txt" <<'PY' 2>/dev/null
import sys
from importlib.metadata import version
for line in open(sys.argv[1]):
    if pin := line.split("#")[0].strip():
        name, wanted = pin.split("==")
        assert version(name) == wanted
PY
}

# The distribution's Python if it is new enough, else any other that is.
find_python() {
  local python
  for python in /usr/bin/python3 python3 python3.{14,13,12,11}; do
    if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$python"
      return
    fi
  done
  fail "no Python >= 3.11 with the venv module; install one, e.g. apt-get install python3.11-venv"
}

install_venv() {
  local python
  if [[ ! -x $venv/bin/python ]]; then
    python=$(find_python)
    logged "creating build/venv" "$python" -m venv "$venv"
  fi
  logged "installing the pinned Python packages" \
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-deps \
    -r "$root/tools/requirements.txt"
}

# Makes `import weft` in build/venv find this checkout. A venv that several
# checkouts share belongs to none of them.
link_package() {
  local packages
  [[ ! -L $venv ]] || return 0
  for packages in "$venv"/lib/python3*/site-packages; do
    [[ $(cat "$packages/weft.pth" 2>/dev/null) == "$root/python" ]] ||
      echo "$root/python" >"$packages/weft.pth"
  done
}

venv=$root/build/venv
mkdir -p "$root/build"
mapfile -t missing < <(missing_packages)
if [[ ${1:-} == --check ]]; then
  [[ ${#missing[@]} == 0 ]] || fail "missing packages: ${missing[*]}; run tools/setup.sh"
  venv_is_complete || fail "build/venv lacks packages of tools/requirements.txt; run tools/setup.sh"
  exit 0
fi
start_log setup
[[ ${#missing[@]} == 0 ]] || install_packages "${missing[@]}"
venv_is_complete || install_venv
link_package
