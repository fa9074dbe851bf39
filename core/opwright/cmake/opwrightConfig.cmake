# find_package(opwright): the headers, and opwright_add_kernels().
get_filename_component(OPWRIGHT_INCLUDE_DIR "${CMAKE_CURRENT_LIST_DIR}/../include" ABSOLUTE)
include("${CMAKE_CURRENT_LIST_DIR}/kernels.cmake")
set(opwright_FOUND TRUE)
