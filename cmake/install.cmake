# What an installation has besides the tools, libraries and headers: the package for
# CMake, the one for pkg-config, and the pages for man.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/pipec)
set(package ${PROJECT_BINARY_DIR}/package)

configure_package_config_file(cmake/pipecConfig.cmake.in ${package}/pipecConfig.cmake
  INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${package}/pipecConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(EXPORT pipec NAMESPACE pipec:: FILE pipecTargets.cmake
        DESTINATION ${package_dir} COMPONENT pipec)
install(FILES ${package}/pipecConfig.cmake ${package}/pipecConfigVersion.cmake
              cmake/pipec_add_feature.cmake cmake/pipec_libraries.cmake
        DESTINATION ${package_dir} COMPONENT pipec)

# The same from the build tree: -Dpipec_DIR=BUILD/package.
export(EXPORT pipec NAMESPACE pipec:: FILE ${package}/pipecTargets.cmake)
foreach(file pipec_add_feature.cmake pipec_libraries.cmake)
  configure_file(cmake/${file} ${package}/${file} COPYONLY)
endforeach()

# Folders are relative to the file's own: the tree may be moved.
file(RELATIVE_PATH pc_prefix /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
string(REGEX REPLACE "/$" "" pc_prefix ${pc_prefix})
configure_file(cmake/pipert.pc.in ${package}/pipert.pc @ONLY)
install(FILES ${package}/pipert.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT pipec)

install(FILES docs/man/pipec.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT pipec)
install(FILES docs/man/pipert.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT pipert)
