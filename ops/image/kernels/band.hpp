// band.hpp: the weights with which the pixels of a line become those of a line of another length. Positions are
// computed in float32, as TensorFlow computes them, so that the same pixels are chosen.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "opwright/kernel.hpp"

namespace opwright {

// Target pixel i is the sum over k of weight[first[i] + k] times source pixel start[i] + k.
struct Band {
  std::vector<int64_t> start, first{0};
  std::vector<double> weight;

  int64_t taps(int64_t i) const { return first[static_cast<size_t>(i) + 1] - first[static_cast<size_t>(i)]; }
  const double *weights(int64_t i) const { return weight.data() + first[static_cast<size_t>(i)]; }
  int64_t from(int64_t i) const { return start[static_cast<size_t>(i)]; }

  // The next target pixel: n weights for the sources from s on; sources outside [0, size) count as the nearest inside.
  void add(int64_t s, const std::vector<double> &w, int64_t size) {
    const auto inside = [&](int64_t i) { return std::clamp<int64_t>(i, 0, size - 1); };
    const int64_t n = static_cast<int64_t>(w.size()), low = inside(s), high = inside(s + n - 1);
    start.push_back(low);
    const size_t at = weight.size();
    weight.resize(at + static_cast<size_t>(high - low + 1), 0.0);
    for (int64_t k = 0; k < n; ++k) weight[at + static_cast<size_t>(inside(s + k) - low)] += w[static_cast<size_t>(k)];
    first.push_back(static_cast<int64_t>(weight.size()));
  }

  // The band of the transposed map, from targets back to `sources` sources. Starts and ends grow along a band, so the
  // targets that a source contributes to are neighbours.
  Band transposed(int64_t sources) const {
    Band t;
    const int64_t targets = static_cast<int64_t>(start.size());
    int64_t low = 0;
    for (int64_t s = 0; s < sources; ++s) {
      while (low < targets && from(low) + taps(low) <= s) ++low;
      t.start.push_back(low);
      for (int64_t i = low; i < targets && from(i) <= s; ++i) t.weight.push_back(weights(i)[s - from(i)]);
      t.first.push_back(static_cast<int64_t>(t.weight.size()));
    }
    return t;
  }
};

struct Resize {
  const char *method;
  bool align_corners, half_pixel_centers, antialias;
  bool is(const char *name) const { return std::strcmp(method, name) == 0; }
};

inline void add_nearest(Band &b, const Resize &r, int64_t i, float scale, int64_t in) {
  const float x = static_cast<float>(i);
  const float at = r.half_pixel_centers ? std::floor((x + 0.5f) * scale)
                   : r.align_corners    ? std::round(x * scale)
                                        : std::floor(x * scale);
  b.add(std::min(static_cast<int64_t>(at), in - 1), {1.0}, in);
}

inline float position(const Resize &r, int64_t i, float scale) {
  const float x = static_cast<float>(i);
  return r.half_pixel_centers ? (x + 0.5f) * scale - 0.5f : x * scale;
}

inline void add_linear(Band &b, const Resize &r, int64_t i, float scale, int64_t in) {
  const float x = position(r, i, scale), whole = std::floor(x);
  const double part = static_cast<double>(x - whole);
  b.add(static_cast<int64_t>(whole), {1 - part, part}, in);
}

// Keys' cubic convolution (1981) with parameter a: a = -0.5 with half-pixel centers, -0.75 without. Fractions are
// rounded to 1/1024, TensorFlow's table. With half-pixel centers, what lies outside is left out and the rest scaled up.
inline void add_cubic(Band &b, const Resize &r, int64_t i, float scale, int64_t in) {
  const double a = r.half_pixel_centers ? -0.5 : -0.75;
  const float x = position(r, i, scale), whole = std::floor(x);
  const double d = std::nearbyint((x - whole) * 1024) / 1024;
  const auto near = [a](double t) { return ((a + 2) * t - (a + 3)) * t * t + 1; };
  const auto far = [a](double t) { return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a; };
  std::vector<double> w = {far(1 + d), near(d), near(1 - d), far(2 - d)};
  int64_t s = static_cast<int64_t>(whole) - 1;
  if (r.half_pixel_centers) {
    double sum = 0;
    for (int64_t k = 0; k < 4; ++k) sum += w[static_cast<size_t>(k)] *= (s + k >= 0 && s + k < in);
    for (double &v : w) v /= sum;
  }
  b.add(s, w, in);
}

// The mean of the sources that the target pixel covers, those at its ends by the part covered.
inline void add_area(Band &b, int64_t i, float scale, int64_t in) {
  const float low = static_cast<float>(i) * scale, high = static_cast<float>(i + 1) * scale;
  const int64_t begin = static_cast<int64_t>(std::floor(low)), end = static_cast<int64_t>(std::ceil(high));
  if (scale == 0) return b.add(0, {1.0}, in);  // one source, corners aligned
  std::vector<double> w;
  for (int64_t s = begin; s < end; ++s) {
    const float left = std::max(low, static_cast<float>(s)), right = std::min(high, static_cast<float>(s + 1));
    w.push_back(static_cast<double>(right - left) / static_cast<double>(scale));
  }
  b.add(begin, w, in);
}

// The kernels of TensorFlow's ScaleAndTranslate, and their radii.
inline double radius_of(const Resize &r) {
  if (r.is("lanczos5")) return 5;
  if (r.is("lanczos3")) return 3;
  if (r.is("gaussian")) return 1.5;
  return r.is("bilinear") ? 1 : 2;
}

inline double kernel_at(const Resize &r, double x) {
  const double radius = radius_of(r), t = std::fabs(x);
  if (t > radius) return 0;
  if (r.is("lanczos3") || r.is("lanczos5")) {
    const double p = M_PI * x;
    return t < 1e-3 ? 1 : radius * std::sin(p) * std::sin(p / radius) / (p * p);
  }
  if (r.is("gaussian")) return t >= radius ? 0 : std::exp(-x * x / (2 * (radius / 3) * (radius / 3)));
  if (r.is("bilinear")) return 1 - t;
  if (r.is("mitchellcubic")) {
    if (t >= 1) return (((-7.0 / 18) * t + 2) * t - 10.0 / 3) * t + 16.0 / 9;
    return ((7.0 / 6) * t - 2) * t * t + 8.0 / 9;
  }
  if (t >= 1) return ((-0.5 * t + 2.5) * t - 4) * t + 2;  // Keys' cubic
  return (1.5 * t - 2.5) * t * t + 1;
}

inline void add_kernel(Band &b, const Resize &r, int64_t i, float scale, int64_t in) {
  const double wide = r.antialias ? std::max(1.0, static_cast<double>(scale)) : 1, reach = radius_of(r) * wide;
  const double at = static_cast<double>((static_cast<float>(i) + 0.5f) * scale);
  const int64_t begin = std::clamp<int64_t>(static_cast<int64_t>(std::ceil(at - reach - 0.5)), 0, in - 1);
  const int64_t end = std::clamp<int64_t>(static_cast<int64_t>(std::floor(at + reach - 0.5)), 0, in - 1);
  std::vector<double> w;
  double sum = 0;
  for (int64_t s = begin; s <= end; ++s) {
    w.push_back(kernel_at(r, (static_cast<double>(s) + 0.5 - at) / wide));
    sum += w.back();
  }
  if (std::fabs(sum) > 1e-30)
    for (double &v : w) v /= sum;
  b.add(begin, w, in);
}

inline Band band_of(const Resize &r, int64_t in, int64_t out) {
  const float scale = r.align_corners && out > 1 ? static_cast<float>(in - 1) / static_cast<float>(out - 1)
                                                 : static_cast<float>(in) / static_cast<float>(out);
  Band b;
  for (int64_t i = 0; i < out; ++i) {
    if (r.is("nearest")) add_nearest(b, r, i, scale, in);
    else if (r.is("area")) add_area(b, i, scale, in);
    else if (r.is("bilinear") && !r.antialias) add_linear(b, r, i, scale, in);
    else if (r.is("bicubic") && !r.antialias) add_cubic(b, r, i, scale, in);
    else add_kernel(b, r, i, scale, in);
  }
  return b;
}

}  // namespace opwright
