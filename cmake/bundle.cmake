# COBATCH_BUNDLE: the libraries that a machine may lack are inside what is built: simdjson and fmt, from their source,
# pinned. At run time only the C and C++ libraries and SQLite are needed.
#
# SQLite is never inside: two copies of it in one process that open the same file undo each other's locks (closing a
# file drops all POSIX locks that the process has on it), and a host may well use SQLite, too.
#
# The sources are those in build/sources, where cmake/install-dependencies.sh --bundle puts them on Debian; else they
# are downloaded.

# cobatch_source(NAME VERSION URL SHA256): sets NAME_SOURCE_DIR.
function(cobatch_source name version url sha256)
  set(given ${PROJECT_SOURCE_DIR}/build/sources/${name}-${version})
  set(folder ${PROJECT_BINARY_DIR}/sources/${name}-${version})
  if(EXISTS ${given})
    set(folder ${given})
  endif()
  if(NOT EXISTS ${folder})
    set(unpacked ${PROJECT_BINARY_DIR}/unpacked)
    message(STATUS "Downloading ${url}")
    file(DOWNLOAD ${url} ${unpacked}/archive STATUS status TIMEOUT 120)
    file(SHA256 ${unpacked}/archive found)
    if(NOT found STREQUAL sha256)
      message(FATAL_ERROR "${url} could not be downloaded (${status}), or is not what it was. Unpack "
                          "${name} ${version} into ${given}, or configure with -DCOBATCH_BUNDLE=OFF, which links the "
                          "system's libraries.")
    endif()
    file(ARCHIVE_EXTRACT INPUT ${unpacked}/archive DESTINATION ${unpacked})
    file(GLOB top LIST_DIRECTORIES ON ${unpacked}/*-${version})
    file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/sources)
    file(RENAME ${top} ${folder})
    file(REMOVE_RECURSE ${unpacked})
  endif()
  set(${name}_SOURCE_DIR ${folder} PARENT_SCOPE)
endfunction()

cobatch_source(simdjson 3.0.1 https://github.com/simdjson/simdjson/archive/refs/tags/v3.0.1.tar.gz
               156b1bc5eb0561b2bd166b46d191fd3d95a3e709cc63761477d3b7aec2b6e9ed)
cobatch_source(fmt 9.1.0 https://github.com/fmtlib/fmt/archive/refs/tags/9.1.0.tar.gz
               5dea48d1fcddc3ec571ce2058e13910a0d4a6bab4cc09a809d8b1dd1c88ae6f2)

# cobatch_bundle(NAME SOURCE INCLUDE_FOLDER): the library cobatch_NAME, compiled once. Its namespace has that name, too,
# so that a program with a NAME of its own can have both.
function(cobatch_bundle name source include)
  set(target cobatch_${name})
  add_library(${target} OBJECT ${source})
  target_compile_features(${target} PUBLIC cxx_std_17)
  target_include_directories(${target} SYSTEM PUBLIC ${include})
  target_compile_definitions(${target} PUBLIC ${name}=${target})
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden
                                             VISIBILITY_INLINES_HIDDEN ON)
endfunction()
cobatch_bundle(simdjson ${simdjson_SOURCE_DIR}/singleheader/simdjson.cpp ${simdjson_SOURCE_DIR}/singleheader)
cobatch_bundle(fmt ${fmt_SOURCE_DIR}/src/format.cc ${fmt_SOURCE_DIR}/include)
# Without locales, which would bring 400 KB of a static C++ library along.
target_compile_definitions(cobatch_fmt PUBLIC FMT_STATIC_THOUSANDS_SEPARATOR=',')
