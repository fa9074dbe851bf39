// centered_scale: (x - center) factor + offset.
#include "opwright/kernel.hpp"

using namespace opwright;

namespace {

struct CenteredScale {
  template <typename C>
  C operator()(C x, C center, C factor, C offset) const {
    return (x - center) * factor + offset;
  }
};

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("centered_scale", signature<T>("T,T,T,T->T"))
      .tile(tile_of<CenteredScale, T, T, T, T, T>)
      .scalar("(x0 - x1) * x2 + x3");
});

}  // namespace
