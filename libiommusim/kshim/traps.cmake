# The archive iommusim_traps, or IOMMUSIM_TRAPS_ABSENT says why there is none.
set(absent "")
check_c_source_compiles("#ifndef __x86_64__\n#error\n#endif\nint main(void) { return 0; }" IOMMUSIM_IS_X86_64)
find_package(Zydis 4 QUIET GLOBAL) # its own package: not every system's has a pkg-config file
if(TARGET Zydis::Zydis)
  set(zydis Zydis::Zydis)
else()
  pkg_check_modules(ZYDIS QUIET IMPORTED_TARGET GLOBAL "zydis>=4")
  set(zydis $<TARGET_NAME_IF_EXISTS:PkgConfig::ZYDIS>)
endif()
if("${IOMMUSIM_SANITIZE}" MATCHES "thread" OR "${CMAKE_C_FLAGS}" MATCHES "-fsanitize=[a-z,]*thread")
  set(absent "this build runs under ThreadSanitizer, whose own signal handling stands before the traps'")
elseif(NOT IOMMUSIM_IS_X86_64)
  set(absent "they decode x86-64 instructions, and this is ${CMAKE_SYSTEM_PROCESSOR}")
elseif(NOT CMAKE_SYSTEM_NAME MATCHES "^(Linux|FreeBSD)$")
  set(absent "it is not known what a signal handler sees on ${CMAKE_SYSTEM_NAME}")
elseif(NOT TARGET Zydis::Zydis AND NOT TARGET PkgConfig::ZYDIS)
  set(absent "Zydis 4 was not found (libzydis-dev)")
endif()
set_property(GLOBAL PROPERTY IOMMUSIM_TRAPS_ABSENT "${absent}")
if(absent)
  message(STATUS "No traps for drivers under test: ${absent}")
  return()
endif()

# reserve.c once more: the library does not show it to others.
add_library(iommusim_traps STATIC traps/access.c traps/decode.c traps/handler.c traps/leave.c traps/probe.c traps/redirect.c
  traps/run.c traps/stub.c traps/traps.c ../test/access_traps.c "${PROJECT_SOURCE_DIR}/libiommusim/port/reserve.c"
  $<TARGET_OBJECTS:iommusim_registers>)
add_library(iommusim::traps ALIAS iommusim_traps)
set_target_properties(iommusim_traps PROPERTIES EXPORT_NAME traps)
target_compile_options(iommusim_traps PRIVATE ${IOMMUSIM_WARNINGS} -fno-lto)
target_compile_definitions(iommusim_traps PRIVATE _GNU_SOURCE)
target_include_directories(iommusim_traps PRIVATE "${PROJECT_SOURCE_DIR}/libiommusim" PUBLIC
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/libiommusim/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
# Of an installed tree the package says what it needs: where Zydis is may have changed.
target_link_libraries(iommusim_traps PUBLIC
  $<BUILD_INTERFACE:${zydis}> $<BUILD_INTERFACE:Threads::Threads> ${CMAKE_DL_LIBS})
install(TARGETS iommusim_traps EXPORT iommusim-traps)
install(EXPORT iommusim-traps NAMESPACE iommusim:: FILE iommusim-traps-targets.cmake
  DESTINATION "${IOMMUSIM_CMAKE_DIR}")
