// Values held within bounds.
#include "opwright/kernel.hpp"

using namespace opwright;

namespace {

struct Clip {  // where the bounds cross, the lower one wins
  template <typename C>
  C operator()(C x, C low, C high) const {
    const C capped = x > high ? high : x;
    return capped < low ? low : capped;
  }
};

OW_REGISTER numbers::each([](auto zero) {
  using T = decltype(zero);
  Kernel("clip_by_value", signature<T>("T,T,T->T"))
      .tile(tile_of<Clip, T, T, T, T>)
      .scalar("(x0 > x2 ? x2 : x0) < x1 ? x1 : (x0 > x2 ? x2 : x0)");
});

}  // namespace
