# Every library Cobatch needs, in one place. The system's packages come first; tl-expected, which is one header
# and which a system may lack, is fetched, pinned, where it is missing.
find_package(tl-expected QUIET)
if(NOT tl-expected_FOUND)
  include(FetchContent)
  set(EXPECTED_BUILD_TESTS OFF)
  FetchContent_Declare(tl-expected GIT_REPOSITORY https://github.com/TartanLlama/expected GIT_TAG v1.1.0)
  FetchContent_MakeAvailable(tl-expected)
endif()

find_package(Threads REQUIRED)
if(COBATCH_BUILD_TESTS)
  find_package(doctest REQUIRED)
endif()
if(COBATCH_CORE_ONLY)
  return()
endif()

find_package(SQLite3 REQUIRED)
if(COBATCH_BUILD_PROGRAM)
  find_package(CLI11 REQUIRED)
  find_package(Boost 1.74 REQUIRED) # its headers
endif()

# From here on what to link is ${simdjson} and ${fmt}. What is inside, users of an installed Cobatch do not link again.
if(COBATCH_BUNDLE)
  include(${CMAKE_CURRENT_LIST_DIR}/bundle.cmake)
  set(simdjson $<BUILD_INTERFACE:cobatch_simdjson>)
  set(fmt $<BUILD_INTERFACE:cobatch_fmt>)
  return()
endif()

find_package(simdjson REQUIRED)
find_package(fmt REQUIRED)
set(simdjson simdjson::simdjson)
set(fmt fmt::fmt)
