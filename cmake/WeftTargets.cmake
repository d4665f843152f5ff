# The ways a target is declared in this project.

add_library(weft_headers INTERFACE)
target_include_directories(weft_headers INTERFACE
  $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
  $<BUILD_INTERFACE:${CMAKE_BINARY_DIR}/include>)

if(WEFT_BUILD_COMPILER)
  add_library(weft_mlir INTERFACE)
  target_include_directories(weft_mlir SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  target_compile_definitions(weft_mlir INTERFACE ${WEFT_LLVM_DEFINITIONS})
  target_link_libraries(weft_mlir INTERFACE weft_headers MLIR LLVM)
  if(NOT LLVM_ENABLE_RTTI)
    target_compile_options(weft_mlir INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>)
  endif()
  # One precompiled header serves every file of the compiler.
  add_library(weft_pch OBJECT ${CMAKE_SOURCE_DIR}/cmake/Pch.cpp)
  target_link_libraries(weft_pch PRIVATE weft_mlir)
  target_precompile_headers(weft_pch PRIVATE ${CMAKE_SOURCE_DIR}/cmake/Pch.h)
endif()

# weft_add_library(NAME SOURCES… LINK LIBS… DEPENDS TARGETS…): a static library
# of the compiler, on MLIR and the common precompiled header.
function(weft_add_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC weft_mlir ${ARG_LINK})
  target_precompile_headers(${name} REUSE_FROM weft_pch)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# weft_add_tool(NAME SOURCES… LINK LIBS…): a program that links the compiler.
function(weft_add_tool name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE weft_mlir ${ARG_LINK})
  install(TARGETS ${name} RUNTIME DESTINATION bin)
endfunction()

# weft_add_test(NAME SOURCES… LINK LIBS… LABELS LABELS… [SANITIZED] [SLOW]): a
# program that is one entry of ctest; exit status 77 means skipped. It may be C,
# and links nothing that LINK does not name. SANITIZED: tools/check.sh also runs
# it under ASan and UBSan. SLOW: tools/check.sh --fast leaves it out.
function(weft_add_test name)
  cmake_parse_arguments(ARG "SANITIZED;SLOW" "" "SOURCES;LINK;ARGS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE weft_headers ${ARG_LINK})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  add_test(NAME ${name} COMMAND ${name} ${ARG_ARGS})
  if(ARG_SANITIZED)
    list(APPEND ARG_LABELS sanitized)
    set_property(GLOBAL APPEND PROPERTY WEFT_SANITIZED_TARGETS ${name})
  endif()
  if(ARG_SLOW)
    list(APPEND ARG_LABELS slow)
  endif()
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77 LABELS "${ARG_LABELS}")
endfunction()
