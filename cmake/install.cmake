# What is installed: headers, the libraries, the programs, and what find_package and pkg-config need.
# The package works from wherever the prefix is moved to.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/cobatch)
set(license_dir ${CMAKE_INSTALL_DATAROOTDIR}/licenses/cobatch)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/cobatch/core DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/cobatch
        FILES_MATCHING PATTERN "*.hpp")
install(FILES ${PROJECT_SOURCE_DIR}/include/cobatch/core.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/cobatch)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${license_dir} COMPONENT licenses)
install(TARGETS cobatch_core EXPORT cobatch_targets)

# What the compiled library is linked with, as packages of CMake and of pkg-config.
set(linked_packages "")
set(pc_requires "")
set(pc_libs "")
if(TARGET cobatch)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
          FILES_MATCHING PATTERN "*.hpp")
  install(TARGETS cobatch EXPORT cobatch_targets)
  # The helper programs, which the library starts and nobody calls by hand.
  install(TARGETS cobatch-keeper cobatch-scripted DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/cobatch)
  set(linked_packages Threads SQLite3)
  set(pc_requires sqlite3)
  set(pc_libs "-L\${libdir} -lcobatch_cpp -pthread -ldl")
  if(NOT COBATCH_BUNDLE)
    list(APPEND linked_packages simdjson fmt)
    string(APPEND pc_requires " simdjson fmt")
  endif()
endif()
if(TARGET cobatch_capi)
  install(FILES ${PROJECT_SOURCE_DIR}/capi/cobatch.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(FILES ${PROJECT_SOURCE_DIR}/capi/cobatch.cdef.h DESTINATION ${CMAKE_INSTALL_DATADIR}/cobatch)
  install(TARGETS cobatch_capi EXPORT cobatch_capi_targets)
  install(EXPORT cobatch_capi_targets NAMESPACE cobatch:: FILE cobatchCapiTargets.cmake DESTINATION ${package_dir})
endif()
if(TARGET cobatch_program)
  install(TARGETS cobatch_program)
  install(FILES ${PROJECT_SOURCE_DIR}/cmake/LICENSE.CLI11 DESTINATION ${license_dir} COMPONENT licenses)
endif()
foreach(part simdjson fmt)
  if(DEFINED ${part}_SOURCE_DIR) # it is inside
    file(GLOB license ${${part}_SOURCE_DIR}/LICENSE ${${part}_SOURCE_DIR}/LICENSE.rst)
    install(FILES ${license} DESTINATION ${license_dir} RENAME LICENSE.${part} COMPONENT licenses)
  endif()
endforeach()

install(EXPORT cobatch_targets NAMESPACE cobatch:: FILE cobatchTargets.cmake DESTINATION ${package_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/cobatchConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/package/cobatchConfig.cmake INSTALL_DESTINATION ${package_dir}
                              NO_SET_AND_CHECK_MACRO)
# Before 1.0 each minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/cobatchConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/package/cobatchConfig.cmake
              ${PROJECT_BINARY_DIR}/package/cobatchConfigVersion.cmake DESTINATION ${package_dir})

# pkg-config: paths relative to the .pc file itself, so that a moved prefix is found.
file(RELATIVE_PATH pc_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" pc_prefix "${pc_prefix}")
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(pc_prefix ${CMAKE_INSTALL_PREFIX})
else()
  set(pc_prefix "\${pcfiledir}/${pc_prefix}")
endif()
foreach(kind INCLUDE LIB)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${kind}DIR}")
    set(pc_${kind} ${CMAKE_INSTALL_${kind}DIR})
  else()
    set(pc_${kind} "\${prefix}/${CMAKE_INSTALL_${kind}DIR}")
  endif()
endforeach()
set(pc_files cobatch-cpp)
if(TARGET cobatch_capi)
  list(APPEND pc_files cobatch)
endif()
foreach(name ${pc_files})
  configure_file(${CMAKE_CURRENT_LIST_DIR}/${name}.pc.in ${PROJECT_BINARY_DIR}/package/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/package/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
