# What `cmake --install` puts where, apart from the command (tools/).
include(CMakePackageConfigHelpers)
foreach(part IN ITEMS HOOKS TRAPS TEST) # why an installed tree has none of them
  get_property(IOMMUSIM_${part}_ABSENT_TEXT GLOBAL PROPERTY IOMMUSIM_${part}_ABSENT)
endforeach()

install(DIRECTORY "${PROJECT_SOURCE_DIR}/libiommusim/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.h")
install(TARGETS iommusim EXPORT iommusim-shared)
install(TARGETS iommusim_static EXPORT iommusim-static)

install(EXPORT iommusim-shared NAMESPACE iommusim:: FILE iommusim-shared-targets.cmake
  DESTINATION "${IOMMUSIM_CMAKE_DIR}")
install(EXPORT iommusim-static NAMESPACE iommusim:: FILE iommusim-static-targets.cmake
  DESTINATION "${IOMMUSIM_CMAKE_DIR}")
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/IommusimConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/package/iommusim-config.cmake" INSTALL_DESTINATION "${IOMMUSIM_CMAKE_DIR}"
  NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/iommusim-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/package/iommusim-config.cmake" "${CMAKE_CURRENT_LIST_DIR}/IommusimDriver.cmake"
  "${PROJECT_BINARY_DIR}/package/iommusim-config-version.cmake" DESTINATION "${IOMMUSIM_CMAKE_DIR}")

# iommusim.pc finds its prefix from where it lies, so that `cmake --install --prefix` may choose another.
if(CMAKE_SYSTEM_NAME STREQUAL "FreeBSD")
  set(IOMMUSIM_PC_DIR libdata/pkgconfig)
else()
  set(IOMMUSIM_PC_DIR "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endif()
file(RELATIVE_PATH IOMMUSIM_PC_UP "/prefix/${IOMMUSIM_PC_DIR}" "/prefix")
string(REGEX REPLACE "/$" "" IOMMUSIM_PC_UP "${IOMMUSIM_PC_UP}")
# As flags and not as Requires.private: whoever links the shared library does not need their packages.
list(JOIN IOMMUSIM_PC_LIBS " " IOMMUSIM_PC_LIBS_PRIVATE)
configure_file("${CMAKE_CURRENT_LIST_DIR}/iommusim.pc.in" "${PROJECT_BINARY_DIR}/package/iommusim.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/package/iommusim.pc" DESTINATION "${IOMMUSIM_PC_DIR}")

# For drivers' tests without CMake: how the driver is compiled, and what its program is linked with.
set(IOMMUSIM_PC_HOOKS "")
set(IOMMUSIM_PC_TRAPS "-lZydis -ldl -pthread")
configure_file("${CMAKE_CURRENT_LIST_DIR}/iommusim-kshim.pc.in" "${PROJECT_BINARY_DIR}/package/iommusim-kshim.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/package/iommusim-kshim.pc" DESTINATION "${IOMMUSIM_PC_DIR}")
foreach(access IN ITEMS hooks traps)
  string(TOUPPER "${access}" upper)
  if(IOMMUSIM_${upper}_ABSENT_TEXT OR IOMMUSIM_TEST_ABSENT_TEXT)
    continue()
  endif()
  set(IOMMUSIM_PC_ACCESS "${access}")
  set(IOMMUSIM_PC_ACCESS_LIBS "${IOMMUSIM_PC_${upper}}")
  configure_file("${CMAKE_CURRENT_LIST_DIR}/iommusim-access.pc.in" "${PROJECT_BINARY_DIR}/package/iommusim-${access}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/package/iommusim-${access}.pc" DESTINATION "${IOMMUSIM_PC_DIR}")
endforeach()

# What messages and pages of the manual name as docs/...
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/docs/" DESTINATION "${CMAKE_INSTALL_DOCDIR}"
  FILES_MATCHING PATTERN "*.md" PATTERN "*.d" PATTERN man EXCLUDE PATTERN CONTRIBUTING.md EXCLUDE)
