# Run by cpack on what it is going to pack: Debian's documents in every package.
function(compress)
  foreach(path ${ARGN})
    execute_process(COMMAND gzip -9nf ${path} COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
endfunction()

string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
foreach(component ${CPACK_COMPONENTS_ALL})
  set(share ${CPACK_TEMPORARY_DIRECTORY}/${component}/usr/share)
  if(IS_DIRECTORY ${CPACK_TEMPORARY_DIRECTORY}/${component}/usr)
    string(TOUPPER ${component} upper)
    set(name ${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
    file(REMOVE ${share}/doc/${name}/LICENSE)
    file(WRITE ${share}/doc/${name}/copyright
"Copyright 2026 the pipec authors

Licensed under the Apache License, version 2.0, which is found on Debian systems in
/usr/share/common-licenses/Apache-2.0.
")
    file(WRITE ${share}/doc/${name}/changelog
"pipec (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium

  * The CHANGELOG.md of the package pipec tells what is new.

 -- ${CPACK_PACKAGE_CONTACT}  ${date}
")
    file(GLOB pages ${share}/man/man1/*.1)
    compress(${share}/doc/${name}/changelog ${pages})
  endif()
endforeach()
