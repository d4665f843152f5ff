#!/usr/bin/env bash
# Installs the runtime, moves the tree, and builds the documentation's example
# against it in two ways: find_package(Weft) and pkg-config. Exit status 77 means
# skipped.
#
# Usage: check_install.sh CMAKE BUILD ARTIFACT CC
set -euo pipefail
cmake=$1 build=$2 artifact=$3 cc=$4
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
example=$here/../../docs/examples/run.c
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$cmake" --install "$build" --component runtime --prefix "$folder/first" >/dev/null
mv "$folder/first" "$folder/moved"
grep -rlIF -e "$build" -e "$folder/first" "$folder/moved" && {
  echo "error: the files above name folders of the build"
  exit 1
}

expected=$'11\n22\n33\n12\n24\n36'
check() {
  local output
  output=$("$@" "$artifact")
  [[ $output == "$expected" ]] || {
    echo "error: $1 prints $output"
    exit 1
  }
}

mkdir "$folder/consumer"
cat > "$folder/consumer/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(Consumer LANGUAGES C CXX)
find_package(Weft 0.1 REQUIRED)
add_executable(shared ${EXAMPLE})
target_link_libraries(shared Weft::runtime)
add_executable(static ${EXAMPLE})
target_link_libraries(static Weft::runtime_static)
set_target_properties(static PROPERTIES LINKER_LANGUAGE CXX)
END
"$cmake" -S "$folder/consumer" -B "$folder/build" -DEXAMPLE="$example" \
  -DCMAKE_C_COMPILER="$cc" -DCMAKE_PREFIX_PATH="$folder/moved" >/dev/null
"$cmake" --build "$folder/build" >/dev/null
check "$folder/build/shared"
check "$folder/build/static"

command -v pkg-config >/dev/null || exit 77
config=$(dirname "$(find "$folder/moved" -name weft.pc)")
flags=$(PKG_CONFIG_PATH=$config pkg-config --cflags --libs weft)
# shellcheck disable=SC2086
"$cc" "$example" -o "$folder/example" $flags
LD_LIBRARY_PATH=$config/.. check "$folder/example"
