# What a user of the build can choose, and the flags that go with it.
option(COBATCH_CORE_ONLY "Only the header-only core: no compiled library, no program" OFF)
option(COBATCH_BUILD_PROGRAM "Build the cobatch program" ${PROJECT_IS_TOP_LEVEL})
option(COBATCH_BUILD_CAPI "Build the shared library with the C interface" ${PROJECT_IS_TOP_LEVEL})
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  option(COBATCH_PORTABLE "What other systems get: POSIX only, without what Linux adds (slower to notice, see README)" OFF)
else()
  set(COBATCH_PORTABLE ON)
endif()
option(COBATCH_BUNDLE "For packages: have simdjson and fmt inside, instead of linking the system's" OFF)
option(COBATCH_BUILD_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(COBATCH_BUILD_BENCH "Build the benchmarks (programs that print numbers; they are no tests)" OFF)
option(COBATCH_FUZZERS "Build the fuzz targets for libFuzzer, which needs clang: see tests/fuzz/run.sh" OFF)
option(COBATCH_UNITY "Compile each room of the library, and each test program, as one file" ON)
option(COBATCH_INSTALL "Make install rules" ${PROJECT_IS_TOP_LEVEL})
option(COBATCH_WERROR "Warnings are errors (for CI; never exported)" OFF)
set(COBATCH_SANITIZE "" CACHE STRING "Sanitizers for everything built here, e.g. address,undefined or thread")

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

if(COBATCH_SANITIZE)
  add_compile_options(-fsanitize=${COBATCH_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${COBATCH_SANITIZE})
endif()

# Everything of ours is compiled with this; nothing of it reaches a user's target.
add_library(cobatch_flags INTERFACE)
target_compile_options(cobatch_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow
                                               $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual>
                                               $<$<BOOL:${COBATCH_WERROR}>:-Werror>
                                               # so that a linker can leave out what is not used
                                               -ffunction-sections -fdata-sections)
if(COBATCH_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 takes instrumented std::optional for uninitialised, and says that the thread sanitizer does not see fences:
  # those of Boost.Asio stand beside mutexes, which it sees.
  target_compile_options(cobatch_flags INTERFACE -Wno-maybe-uninitialized -Wno-tsan)
endif()

# cobatch_unite(TARGET GROUP SOURCES…): adds sources that are compiled as one file, unless COBATCH_UNITY is off. What they
# include is then read once instead of once a file, which is most of the work. Many sources are compiled in equal parts,
# so that not all of them are compiled anew when one has changed.
function(cobatch_unite target group)
  target_sources(${target} PRIVATE ${ARGN})
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${COBATCH_UNITY} UNITY_BUILD_MODE GROUP)
  list(LENGTH ARGN count)
  set(most 22)  # sources in a part
  math(EXPR parts "(${count} - 1) / ${most} + 1")
  math(EXPR size "(${count} - 1) / ${parts} + 1")
  set(index 0)
  foreach(source ${ARGN})
    math(EXPR part "${index} / ${size} + 1")
    set_source_files_properties(${source} TARGET_DIRECTORY ${target} PROPERTIES UNITY_GROUP ${group}_${part})
    math(EXPR index "${index} + 1")
  endforeach()
endfunction()
