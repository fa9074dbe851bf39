"""CMake support for packages of ops: `find_package(opwright)`, then `opwright_add_kernels(<family>)`."""
