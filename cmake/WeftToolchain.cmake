# Speed of building: ccache and lld where present, and flags for every target.

find_program(WEFT_CCACHE ccache)
if(WEFT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # With these three, a precompiled header does not defeat the cache and two
  # checkouts share it.
  set(launcher ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${WEFT_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

find_program(WEFT_LLD NAMES ld.lld-22 ld.lld)
if(WEFT_LLD)
  add_link_options(-fuse-ld=${WEFT_LLD})
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-instantiate-templates>)
  add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
endif()

add_compile_options(-Wall -Wextra -Wno-unused-parameter -fvisibility=hidden
                    $<$<COMPILE_LANGUAGE:CXX>:-fvisibility-inlines-hidden>)
# -O1 halves the compile time of files that include MLIR; what is hot at
# compile time of a model is in the LLVM packages, which are optimised.
set(CMAKE_CXX_FLAGS_RELEASE "-O1" CACHE STRING "" FORCE)

if(WEFT_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined
                      -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=address,undefined)
endif()
