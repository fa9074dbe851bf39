// convolution.hpp: a convolution's sizes as oneDNN wants them: two or three spatial dimensions, images channels last,
// filters in the layout of the op.
#pragma once
#include <array>
#include <cstring>

#include "onednn.hpp"

namespace opwright {

constexpr int kMost = 3;  // spatial dimensions

struct Convolution {
  int rank;  // spatial dimensions: 2 or 3; of one, the image is a row
  int64_t images, ci, co, groups;
  std::array<int64_t, kMost> in{}, out{}, filter{}, stride{}, dilation{}, before{}, after{};

  // x, w, y: input, filters, output; the attributes are those of conv, in the order its signature declares them.
  Convolution(const ow_plan *plan, const ow_tensor *x, const ow_tensor *w, const ow_tensor *y) {
    enum { STRIDES, PADDING, EXPLICIT_PADDINGS, DILATIONS, DEPTHWISE };
    const ow_value *attr = plan->attr;
    const int own = x->ndim - 2;
    rank = std::max(own, 2);
    images = x->shape[0];
    ci = x->shape[x->ndim - 1];
    co = y->shape[y->ndim - 1];
    const int64_t group = attr[DEPTHWISE].v.i ? 1 : w->shape[w->ndim - 2];
    groups = group > 0 && ci > 0 ? ci / group : 1;
    for (int d = 0; d < rank; ++d) {
      const int i = d - (rank - own);
      const size_t k = static_cast<size_t>(d);
      in[k] = i < 0 ? 1 : x->shape[1 + i];
      out[k] = i < 0 ? 1 : y->shape[1 + i];
      filter[k] = i < 0 ? 1 : w->shape[i];
      stride[k] = i < 0 ? 1 : attr[STRIDES].v.iv[i];
      dilation[k] = i < 0 ? 1 : attr[DILATIONS].v.iv[i];
      const int64_t needed = (out[k] - 1) * stride[k] + span(k) - in[k];
      const char *padding = attr[PADDING].v.s;
      before[k] = 0;
      if (i >= 0 && !std::strcmp(padding, "EXPLICIT")) before[k] = attr[EXPLICIT_PADDINGS].v.iv[2 * i];
      if (!std::strcmp(padding, "SAME")) before[k] = std::max<int64_t>(0, needed) / 2;
      after[k] = needed - before[k];  // negative where the last elements are not looked at
    }
  }

  int64_t span(size_t d) const { return (filter[d] - 1) * dilation[d] + 1; }
  int64_t pixels_in() const { return product(in); }  // of an image
  int64_t pixels_out() const { return product(out); }
  int64_t weights() const { return product(filter) * (ci / groups) * co; }
  bool empty() const { return images * pixels_in() * pixels_out() * ci * co == 0; }
  double flops() const { return 2.0 * static_cast<double>(images * pixels_out()) * static_cast<double>(weights()); }

  Description image(int64_t n, int64_t channels, const std::array<int64_t, kMost> &size) const {
    int64_t dims[kMost + 2] = {n, channels};
    std::copy_n(size.begin(), rank, dims + 2);
    return tagged(rank + 2, dims, rank == 2 ? dnnl_nhwc : dnnl_ndhwc);
  }
  Description source(int64_t n) const { return image(n, ci, in); }
  Description target(int64_t n) const { return image(n, co, out); }

  // The filters as they lie in the op's tensor, and as oneDNN likes them.
  Description plain_filters() const { return filters(false); }
  Description any_filters() const { return filters(true); }

  // The numbers that oneDNN calls dilations are zero for dense filters.
  std::array<int64_t, kMost> gaps() const {
    std::array<int64_t, kMost> made = dilation;
    for (int64_t &d : made) --d;
    return made;
  }

 private:
  int64_t product(const std::array<int64_t, kMost> &sizes) const {
    int64_t n = 1;
    for (int d = 0; d < rank; ++d) n *= sizes[static_cast<size_t>(d)];
    return n;
  }
  Description filters(bool any) const {
    const int64_t group_ci = ci / groups, group_co = co / groups;
    int64_t dims[kMost + 3] = {groups, group_co, group_ci}, strides[kMost + 3] = {group_co, 1, co};
    int64_t step = group_ci * co;
    for (int d = rank - 1; d >= 0; --d) {
      dims[3 + d] = filter[static_cast<size_t>(d)];
      strides[3 + d] = step;
      step *= dims[3 + d];
    }
    const int skip = groups == 1;  // then there is no dimension for them
    return any ? tagged(rank + 3 - skip, dims + skip, dnnl_format_tag_any)
               : strided(rank + 3 - skip, dims + skip, strides + skip);
  }
};

// The convolution's forward recipe. It is what the others are made from, too.
inline Recipe forward_recipe(const Convolution &c, int64_t n, const Attributes &attributes) {
  const Description x = c.source(n), w = c.any_filters(), y = c.target(n);
  dnnl_primitive_desc_t made = nullptr;
  dnnl_convolution_forward_primitive_desc_create(&made, engine(), dnnl_forward_training, dnnl_convolution_direct,
                                                 x.get(), w.get(), nullptr, y.get(), c.stride.data(), c.gaps().data(),
                                                 c.before.data(), c.after.data(), attributes.get());
  return Recipe(made);
}

// Whether oneDNN would run its plain loops.
inline bool is_slow(const Recipe &recipe) {
  const char *name = "";
  dnnl_primitive_desc_query(recipe.get(), dnnl_query_impl_info_str, 0, &name);
  return std::strstr(name, "ref") != nullptr;
}

inline void estimate(ow_plan *plan, const Convolution &c) {
  plan->flops = c.flops();
  plan->bytes = 4.0 * static_cast<double>(c.images * (c.pixels_in() * c.ci + c.pixels_out() * c.co) + c.weights());
}

// Below this many operations the portable kernels are as fast, and their plans are made sooner.
constexpr double kWorthIt = 1e6;

inline int32_t score_of(const ow_plan *plan, const Convolution &c) {
  if (c.empty()) {
    OW_FAIL(plan, OW_UNSUPPORTED, "the convolution must not be empty");
    return 0;
  }
  return c.flops() >= kWorthIt ? OW_SCORE_DEFAULT + 1 : OW_SCORE_DEFAULT - 1;
}

// How many slices the work is worth: of some 50 us, a few per worker, but of so many pixels that packing the filters
// once a slice does not matter. More where there is plenty: slices whose results stay in cache for what follows, and
// between which a step can be interrupted.
inline int64_t wanted_slices(const Convolution &c, int32_t workers, int64_t fewest_pixels) {
  const double work = c.flops();
  const int64_t pixels = c.images * c.pixels_out(), bytes = 4 * pixels * c.co;
  const int64_t shared = workers == 1 ? 1 : std::min<int64_t>(4 * workers, static_cast<int64_t>(work / 6e6));
  const int64_t fine = std::max(bytes >> 19, static_cast<int64_t>(work / 5e8));
  return std::max<int64_t>(1, std::max(std::min(shared, pixels / fewest_pixels), std::min(fine, pixels / 1024)));
}

}  // namespace opwright
