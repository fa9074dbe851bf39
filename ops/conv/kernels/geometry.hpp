// geometry.hpp: the sizes of a convolution, always with three spatial dimensions; those that are missing have size 1.
#pragma once
#include <algorithm>
#include <cstring>

#include "conv_attributes.h"
#include "opwright/guarded.hpp"
#include "opwright/kernel.hpp"

namespace opwright {

// The three ops declare the same attributes in the same order.
static_assert(int(CONV_STRIDES) == int(CONV_BACKPROP_INPUT_STRIDES) &&
                  int(CONV_STRIDES) == int(CONV_BACKPROP_FILTER_STRIDES) &&
                  int(CONV_DEPTHWISE) == int(CONV_BACKPROP_INPUT_DEPTHWISE) &&
                  int(CONV_DEPTHWISE) == int(CONV_BACKPROP_FILTER_DEPTHWISE),
              "one function reads the attributes of all three");

constexpr int kSpatial = 3;

struct Geometry {
  int64_t images;
  int64_t in[kSpatial], out[kSpatial], filter[kSpatial];
  int64_t stride[kSpatial], dilation[kSpatial], before[kSpatial];  // before: the padding in front
  int64_t ci, co, groups;

  // x is the convolution's input, w its filters, y its output.
  Geometry(const ow_plan *plan, const ow_tensor *x, const ow_tensor *w, const ow_tensor *y) {
    const int rank = x->ndim - 2;
    const ow_value *attr = plan->attr;
    images = x->shape[0];
    for (int d = 0; d < kSpatial; ++d) {
      const int i = d - (kSpatial - rank);  // which of the tensor's spatial dimensions
      in[d] = i < 0 ? 1 : x->shape[1 + i];
      out[d] = i < 0 ? 1 : y->shape[1 + i];
      filter[d] = i < 0 ? 1 : w->shape[i];
      stride[d] = i < 0 ? 1 : attr[CONV_STRIDES].v.iv[i];
      dilation[d] = i < 0 ? 1 : attr[CONV_DILATIONS].v.iv[i];
      before[d] = i < 0 ? 0 : padding_before(attr, d, i);
    }
    ci = x->shape[x->ndim - 1];
    co = y->shape[y->ndim - 1];
    const int64_t group = attr[CONV_DEPTHWISE].v.i ? 1 : w->shape[w->ndim - 2];  // channels that a filter reads
    groups = group > 0 && ci > 0 ? ci / group : 1;
  }

  int64_t taps() const { return filter[0] * filter[1] * filter[2]; }
  int64_t pixels_in() const { return images * in[0] * in[1] * in[2]; }
  int64_t pixels_out() const { return images * out[0] * out[1] * out[2]; }
  int64_t group_ci() const { return ci / groups; }
  int64_t group_co() const { return co / groups; }
  bool depthwise() const { return groups > 1 && groups == ci; }
  double flops() const {
    return 2.0 * static_cast<double>(pixels_out() * taps() * group_ci()) * static_cast<double>(co);
  }

 private:
  int64_t padding_before(const ow_value *attr, int d, int i) const {
    const char *padding = attr[CONV_PADDING].v.s;
    if (!std::strcmp(padding, "EXPLICIT")) return attr[CONV_EXPLICIT_PADDINGS].v.iv[2 * i];
    if (!std::strcmp(padding, "VALID")) return 0;
    const int64_t span = (filter[d] - 1) * dilation[d] + 1;
    return std::max<int64_t>(0, (out[d] - 1) * stride[d] + span - in[d]) / 2;
  }
};

}  // namespace opwright
