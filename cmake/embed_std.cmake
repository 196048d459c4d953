# cmake -DFOLDER=dsl/std -DOUT=std_files.c -P embed_std.cmake
# The library as C data, sorted by name: {"std/image", text, size}.
file(GLOB paths ${FOLDER}/*.dsl)
list(SORT paths)
set(arrays "")
set(rows "")
set(count 0)
foreach(path ${paths})
  get_filename_component(name ${path} NAME_WE)
  file(READ ${path} bytes HEX)
  string(LENGTH "${bytes}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "(................................)" "\\1\n    " bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND arrays
         "static const unsigned char text_${count}[] = {\n    ${bytes}0};\n")
  string(APPEND rows "    {\"std/${name}\", (const char *)text_${count}, ${size}},\n")
  math(EXPR count "${count} + 1")
endforeach()
file(WRITE ${OUT} "/* Made from the files of dsl/std. */
#include \"std_files.h\"
${arrays}
const StdFile std_files[] = {
${rows}};
const int nstd_files = ${count};
")
