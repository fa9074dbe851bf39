// The one symbol of a kernel library: the table of the kernels that its files have registered.
#include "opwright/kernel.hpp"

extern "C" const ow_library *ow_library_v1(const ow_host *) {
  const auto &kernels = opwright::kernels();
  static const ow_library library = {
      sizeof(ow_library), OW_ABI_MAJOR, OW_ABI_MINOR, 0, OW_DIST, OW_VERSION, static_cast<int64_t>(kernels.size()),
      kernels.data()};
  return &library;
}
