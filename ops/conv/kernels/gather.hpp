// gather.hpp: convolutions as products of a matrix whose rows are gathered from an image, a block at a time.
//
// A row belongs to a pixel and holds, tap after tap, the channels that the filters' taps see from there, zeros outside
// the image. Rows are gathered straight into the packed blocks that the micro-kernel of gemm.hpp reads, so the matrix
// never exists as a whole.
#pragma once
#include <vector>

#include "geometry.hpp"
#include "opwright/gemm.hpp"

namespace opwright {

constexpr int64_t kUnit = gemm::kDepth;  // pixels of a product

// Where the first tap of a pixel lies, maybe outside the image.
struct Pixel {
  int64_t image;
  int32_t at[kSpatial];
};

struct Tap {
  int32_t at[kSpatial];  // from the pixel's first tap
  int32_t run;           // how many taps, from this one on, lie side by side along the last dimension
  int64_t matrix;        // which of the filters' matrices belongs to it
};

// Images to gather from, and which of their channels.
template <typename T>
struct Source {
  const T *data;
  int64_t size[kSpatial];
  int64_t channels, all;  // of a group, of a pixel
  Source(const T *x, const int64_t *sizes, int64_t group, int64_t channels_of_group, int64_t channels_in_all)
      : data(x + group * channels_of_group), channels(channels_of_group), all(channels_in_all) {
    std::copy_n(sizes, kSpatial, size);
  }
  // What `wide` taps side by side see from a pixel, or nullptr if any of it lies outside.
  const T *see(const Pixel &p, const Tap &tap, int64_t wide) const {
    int64_t at = p.image;
    for (int d = 0; d < kSpatial; ++d) {
      const int64_t i = p.at[d] + tap.at[d];
      if (i < 0 || i + (d == kSpatial - 1 ? wide : 1) > size[d]) return nullptr;
      at = at * size[d] + i;
    }
    return data + at * all;
  }
};

inline void set_runs(std::vector<Tap> *taps) {
  for (size_t t = taps->size(); t-- > 0;) {
    Tap &tap = (*taps)[t];
    tap.run = 1;
    if (t + 1 == taps->size()) continue;
    const Tap &next = (*taps)[t + 1];
    const bool beside = next.at[0] == tap.at[0] && next.at[1] == tap.at[1] && next.at[2] == tap.at[2] + 1;
    if (beside) tap.run = next.run + 1;
  }
}

// The taps of the forward pass, in the order of the filters.
inline std::vector<Tap> taps_of(const Geometry &g) {
  std::vector<Tap> made;
  for (int64_t d = 0; d < g.filter[0]; ++d)
    for (int64_t h = 0; h < g.filter[1]; ++h)
      for (int64_t w = 0; w < g.filter[2]; ++w)
        made.push_back({{static_cast<int32_t>(d * g.dilation[0]), static_cast<int32_t>(h * g.dilation[1]),
                         static_cast<int32_t>(w * g.dilation[2])},
                        1,
                        static_cast<int64_t>(made.size())});
  set_runs(&made);
  return made;
}

// Where output pixels [begin, begin + n) of the forward pass read.
inline void place(const Geometry &g, int64_t begin, int64_t n, Pixel *to) {
  if (n <= 0) return;
  int64_t at[kSpatial], rest = begin;
  for (int d = kSpatial - 1; d >= 0; rest /= g.out[d--]) at[d] = rest % g.out[d];
  for (int64_t i = 0; i < n; ++i) {
    to[i].image = rest;
    for (int d = 0; d < kSpatial; ++d) to[i].at[d] = static_cast<int32_t>(at[d] * g.stride[d] - g.before[d]);
    for (int d = kSpatial - 1; ++at[d] == g.out[d]; --d) {
      at[d] = 0;
      if (d == 0) {
        ++rest;
        break;
      }
    }
  }
}

template <typename C, typename T>
inline void copy(C *to, const T *from, int64_t n) {
  if (from)
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<C>(from[i]);
  else
    for (int64_t i = 0; i < n; ++i) to[i] = C(0);
}

// Columns [from, from + depth) of the rows of some pixels.
template <typename C, typename T>
inline void gather(C *to, int64_t to_row, const Source<T> &source, const Pixel *pixels, int64_t rows, const Tap *taps,
                   int64_t from, int64_t depth) {
  if (depth <= 0) return;
  const bool dense = source.channels == source.all;
  for (int64_t r = 0; r < rows; ++r, to += to_row) {
    const Tap *tap = taps + from / source.channels;
    int64_t skip = from % source.channels;
    for (int64_t done = 0; done < depth;) {
      int64_t wide = dense ? tap->run : 1;
      const T *x = wide > 1 ? source.see(pixels[r], *tap, wide) : nullptr;
      if (!x) x = source.see(pixels[r], *tap, wide = 1);
      const int64_t n = std::min(wide * source.channels - skip, depth - done);
      copy(to + done, x ? x + skip : nullptr, n);
      done += n;
      tap += wide;
      skip = 0;
    }
  }
}

// The filters of a group as a matrix: row (tap, channel), column: at data[tap.matrix * step + channel * row + column *
// column_step].
template <typename T>
struct Filters {
  const T *data;
  int64_t step, row, column;
};

template <typename C, typename T>
inline void pack_filters(C *to, const Filters<T> &filters, const Tap *taps, int64_t channels, int64_t from, int64_t j,
                         int64_t depth, int64_t columns) {
  for (int64_t at = 0; at < columns; at += gemm::kPanel<C>) {
    const int64_t n = std::min(gemm::kPanel<C>, columns - at), width = gemm::padded<C>(n);
    for (int64_t i = 0; i < depth;) {
      const int64_t tap = (from + i) / channels, channel = (from + i) % channels;
      const int64_t rows = std::min(channels - channel, depth - i);
      const T *block =
          filters.data + taps[tap].matrix * filters.step + channel * filters.row + (j + at) * filters.column;
      gemm::copy_block<C, T>(to + at * depth + i * width, width, {block, filters.row, filters.column}, rows, n, width);
      i += rows;
    }
  }
}

// c's rows are the products of the pixels' rows with the filters.
template <typename C, typename T>
inline void product(const Source<T> &source, const Pixel *pixels, int64_t rows, const Tap *taps, int64_t n_taps,
                    const Filters<T> &filters, int64_t columns, C *c, int64_t c_row, C *scratch) {
  const int64_t channels = source.channels;
  gemm::blocks<C>(
      rows, columns, n_taps * channels,
      [&](C *to, int64_t i, int64_t from, int64_t n, int64_t depth) {
        gather(to, gemm::kPackedRow<C>, source, pixels + i, n, taps, from, depth);
        return gemm::Matrix<C>{to, gemm::kPackedRow<C>, 1};
      },
      [&](C *to, int64_t from, int64_t j, int64_t depth, int64_t n) {
        pack_filters(to, filters, taps, channels, from, j, depth, n);
        return to;
      },
      c, c_row, scratch);
}

// A worker's scratch: pixels, and what follows them.
template <typename C>
struct Scratch {
  Pixel *pixels;
  C *rest;
  explicit Scratch(const ow_call *call)
      : pixels(static_cast<Pixel *>(call->worker_scratch)), rest(reinterpret_cast<C *>(pixels + kUnit)) {}
  static uint64_t bytes(int64_t elements) {
    return static_cast<uint64_t>(kUnit) * sizeof(Pixel) + static_cast<uint64_t>(elements) * sizeof(C);
  }
};
static_assert(kUnit * sizeof(Pixel) % 64 == 0, "what follows the pixels is aligned");

template <typename C, typename T>
inline void write_row(T *to, const C *from, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<T>(from[i]);
}

}  // namespace opwright
