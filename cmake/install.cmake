# What `cmake --install` puts in place. tests/house/test_install builds a consumer against the result.
include(CMakePackageConfigHelpers)
set(HAGANE_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/hagane)
set(HAGANE_PYTHON_DIR ${CMAKE_INSTALL_DATADIR}/hagane/python CACHE STRING "where hagane.py goes, below the prefix")

install(TARGETS hagane EXPORT hagane-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS hagane_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(TARGET hagane_mpi)
  install(TARGETS hagane_mpi RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(FILES ${HAGANE_PUBLIC_HEADERS} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/hagane)

# find_package(hagane) and hagane::hagane
install(EXPORT hagane-targets NAMESPACE hagane:: DESTINATION ${HAGANE_CMAKE_DIR})
configure_package_config_file(cmake/hagane-config.cmake.in ${PROJECT_BINARY_DIR}/hagane-config.cmake
  INSTALL_DESTINATION ${HAGANE_CMAKE_DIR} NO_SET_AND_CHECK_MACRO)
# below 1.0 a minor version may change the interface
write_basic_package_version_file(${PROJECT_BINARY_DIR}/hagane-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/hagane-config.cmake ${PROJECT_BINARY_DIR}/hagane-config-version.cmake
  DESTINATION ${HAGANE_CMAKE_DIR})

# pkg-config: the prefix is found from the file's own place, so that the tree can be moved
file(RELATIVE_PATH HAGANE_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/hagane.pc.in ${PROJECT_BINARY_DIR}/hagane.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/hagane.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(FILES python/hagane.py DESTINATION ${HAGANE_PYTHON_DIR})
install(DIRECTORY models/ DESTINATION ${CMAKE_INSTALL_DATADIR}/hagane/models)
install(FILES README.md CHANGELOG.md LICENSE THIRD_PARTY CITATION.cff DESTINATION ${CMAKE_INSTALL_DOCDIR})
