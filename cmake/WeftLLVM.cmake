# LLVM and MLIR come from the distribution's packages, never from a build of
# ours. What is missing is named at once, with the command that installs it.

set(WEFT_LLVM_MAJOR 22)
set(WEFT_LLVM_VERSION 22.1)
set(WEFT_LLVM_PREFIX /usr/lib/llvm-${WEFT_LLVM_MAJOR} CACHE PATH "Prefix of the LLVM and MLIR packages")

foreach(part "llvm:LLVM:llvm-${WEFT_LLVM_MAJOR}-dev" "mlir:MLIR:libmlir-${WEFT_LLVM_MAJOR}-dev" "lld:LLD:liblld-${WEFT_LLVM_MAJOR}-dev")
  string(REPLACE ":" ";" part ${part})
  list(GET part 0 dir)
  list(GET part 1 name)
  list(GET part 2 package)
  set(config ${WEFT_LLVM_PREFIX}/lib/cmake/${dir}/${name}Config.cmake)
  if(NOT EXISTS ${config})
    message(FATAL_ERROR
      "${name} ${WEFT_LLVM_VERSION} is missing: there is no ${config}.\n"
      "Install it with: apt-get install ${package}   (tools/setup.sh installs all that Weft needs)\n"
      "or point WEFT_LLVM_PREFIX at an LLVM ${WEFT_LLVM_VERSION} that has it.")
  endif()
endforeach()
set(version_file ${WEFT_LLVM_PREFIX}/lib/cmake/llvm/LLVMConfigVersion.cmake)
file(STRINGS ${version_file} found REGEX "PACKAGE_VERSION \"")
string(REGEX MATCH "[0-9]+\\.[0-9]+" found "${found}")
if(NOT found VERSION_EQUAL WEFT_LLVM_VERSION)
  message(FATAL_ERROR
    "LLVM in ${WEFT_LLVM_PREFIX} is ${found}; Weft needs ${WEFT_LLVM_VERSION}.\n"
    "Install it with: apt-get install llvm-${WEFT_LLVM_MAJOR}-dev libmlir-${WEFT_LLVM_MAJOR}-dev")
endif()

find_package(MLIR ${WEFT_LLVM_VERSION} REQUIRED CONFIG PATHS ${WEFT_LLVM_PREFIX}/lib/cmake/mlir NO_DEFAULT_PATH)
find_package(LLD ${WEFT_LLVM_VERSION} REQUIRED CONFIG PATHS ${WEFT_LLVM_PREFIX}/lib/cmake/lld NO_DEFAULT_PATH)
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)
separate_arguments(WEFT_LLVM_DEFINITIONS NATIVE_COMMAND "${LLVM_DEFINITIONS}")
# TableGen takes its include paths from the directory.
include_directories(SYSTEM ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
include_directories(${CMAKE_SOURCE_DIR}/include ${CMAKE_BINARY_DIR}/include)
