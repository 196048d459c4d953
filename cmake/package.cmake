# cpack -G DEB: libpipert0 (what a trainer needs), pipert (the tool), pipec (the
# compiler, and what programs are built with), python3-pipec (the package for Python,
# where that was built). cpack -G TGZ: all of it in one.
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/CHANGELOG.md
        DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT pipec)
set(CPACK_PACKAGE_NAME pipec)
set(CPACK_PACKAGE_VENDOR pipec)
set(CPACK_PACKAGE_CONTACT "The pipec authors <pipec@example.org>")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGE_FILE_NAME pipec-${PROJECT_VERSION}-linux-x86_64)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL libpipert pipert pipec)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/package_files.cmake)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(release "(= ${PROJECT_VERSION})")

set(CPACK_DEBIAN_LIBPIPERT_PACKAGE_NAME libpipert${PROJECT_VERSION_MAJOR})
set(control ${PROJECT_BINARY_DIR}/package/control)
file(WRITE ${control}/triggers "activate-noawait ldconfig\n")
file(WRITE ${control}/shlibs "libpipert ${PROJECT_VERSION_MAJOR} \
${CPACK_DEBIAN_LIBPIPERT_PACKAGE_NAME} ${release}\n")
set(CPACK_DEBIAN_LIBPIPERT_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBPIPERT_PACKAGE_CONTROL_EXTRA
    ${control}/triggers ${control}/shlibs)
set(CPACK_COMPONENT_LIBPIPERT_DESCRIPTION "runtime library of compiled ML input pipelines
Runs features that pipec compiled inside of a trainer: it reads, threads,
batches and checkpoints.")

set(CPACK_DEBIAN_PIPERT_PACKAGE_NAME pipert)
set(CPACK_COMPONENT_PIPERT_DESCRIPTION "tool that runs compiled ML input pipelines
Hands out the batches of a feature on the command line: as files, pictures
or a hash.")

# ld makes features; kernels in C and those of the library that name a package need
# clang, pkg-config and that package.
set(CPACK_DEBIAN_PIPEC_PACKAGE_NAME pipec)
set(CPACK_DEBIAN_PIPEC_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PIPEC_PACKAGE_DEPENDS
    "libpipert${PROJECT_VERSION_MAJOR} ${release}, pipert ${release}, binutils, \
libc6-dev")
set(CPACK_DEBIAN_PIPEC_PACKAGE_RECOMMENDS
    "clang-19, gcc | c-compiler, pkg-config, libjpeg62-turbo-dev")
set(CPACK_COMPONENT_PIPEC_DESCRIPTION "ahead-of-time compiler for ML input pipelines
Compiles features, small programs that say how raw data becomes the tensors
that a trainer eats, to shared libraries of fused native code. With the
headers of libpipert, and packages for CMake and pkg-config.")

# libpipert is inside of the extension; pipec.compile calls pipec.
if(TARGET pipec_python)
  list(APPEND CPACK_COMPONENTS_ALL python)
  configure_file(cmake/python3-postinst ${control}/postinst COPYONLY)
  configure_file(cmake/python3-prerm ${control}/prerm COPYONLY)
  set(CPACK_DEBIAN_PYTHON_PACKAGE_CONTROL_EXTRA ${control}/postinst ${control}/prerm)
  set(CPACK_DEBIAN_PYTHON_PACKAGE_NAME python3-pipec)
  set(CPACK_DEBIAN_PYTHON_PACKAGE_SECTION python)
  set(CPACK_DEBIAN_PYTHON_PACKAGE_DEPENDS "${pipec_python_needs}")
  set(CPACK_DEBIAN_PYTHON_PACKAGE_RECOMMENDS "python3-numpy, pipec ${release}")
  set(CPACK_COMPONENT_PYTHON_DESCRIPTION "batches of compiled ML input pipelines in Python
Loads features that pipec compiled, and hands out their batches without a
copy, to NumPy, PyTorch, JAX and TensorFlow.")
endif()
include(CPack)
