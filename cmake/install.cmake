# What is installed: headers, the library, the programs, and what find_package and pkg-config need.
# The package works from wherever the prefix is moved to.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/cobatch)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/cobatch/core DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/cobatch
        FILES_MATCHING PATTERN "*.hpp")
install(FILES ${PROJECT_SOURCE_DIR}/include/cobatch/core.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/cobatch)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/licenses/cobatch)
install(TARGETS cobatch_core EXPORT cobatch_targets)

if(TARGET cobatch)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
          FILES_MATCHING PATTERN "*.hpp")
  install(TARGETS cobatch EXPORT cobatch_targets)
  # The helper programs, which the library starts and nobody calls by hand.
  foreach(helper cobatch-keeper cobatch-scripted)
    if(TARGET ${helper})
      install(TARGETS ${helper} DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/cobatch)
    endif()
  endforeach()
endif()
if(TARGET cobatch_program)
  install(TARGETS cobatch_program)
endif()

install(EXPORT cobatch_targets NAMESPACE cobatch:: FILE cobatchTargets.cmake DESTINATION ${package_dir})
set(has_library OFF)
if(TARGET cobatch)
  set(has_library ON)
endif()
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
set(pc_template cobatch-core.pc.in)
if(has_library)
  set(pc_template cobatch.pc.in)
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/${pc_template} ${PROJECT_BINARY_DIR}/package/cobatch.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/package/cobatch.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
