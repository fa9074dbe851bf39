// Tensors filled with uniform and normal numbers, keyed by the call's stream or by a tensor of two seeds.
#include "opwright/philox.hpp"

using namespace opwright;

namespace {

constexpr int64_t kBatch = 4096;  // elements that stay in L1 between being made and being worked on by what follows

// The key: two seeds in a tensor of int32 or int64 for a stateless op (its argument `at`), else the call's stream.
philox::Key key_of(const ow_call *call, int32_t at) {
  if (at < 0) return philox::Key(*call->rng);
  const ow_tensor *seeds = call->in[at];
  const auto seed = [&](int i) {
    return static_cast<uint64_t>(seeds->dtype.bits == 32 ? data<int32_t>(seeds)[i] : data<int64_t>(seeds)[i]);
  };
  return philox::Key(seed(0), seed(1), 0);
}

template <typename T>
int32_t prepare(ow_plan *plan) {
  const int64_t n = size(plan->out[0]);
  plan->flops = 60.0 * static_cast<double>(n);
  plan->bytes = static_cast<double>(n * itemsize(plan->out[0]));
  divide(plan, (n + philox::kGroup<T> - 1) / philox::kGroup<T>, 2.0 * philox::kGroup<T>);
  return OW_OK;
}

// Calls make(first, n) for this call's elements, a batch at a time, and what follows the kernel on each.
template <typename T, typename Make>
int32_t batches(const ow_call *call, int64_t first, int64_t last, Make make) {
  const int64_t n = size(call->out[0]);
  const Range groups(call, (n + philox::kGroup<T> - 1) / philox::kGroup<T>, first, last);
  const int64_t end = groups.end * philox::kGroup<T> < n ? groups.end * philox::kGroup<T> : n;
  for (int64_t at = groups.begin * philox::kGroup<T>; at < end; at += kBatch) {
    const int64_t count = end - at < kBatch ? end - at : kBatch;
    make(at, count);
    if (!call->post) continue;
    if (int32_t code = call->post->apply(call->post, data<T>(call->out[0]) + at, at, count, call->worker)) return code;
  }
  return OW_OK;
}

template <template <typename> class Distribution, typename T, int32_t seeds>
int32_t run(const ow_call *call, int64_t first, int64_t last) {
  const philox::Key key = key_of(call, seeds);
  T *out = data<T>(call->out[0]);
  return batches<T>(call, first, last,
                    [&](int64_t at, int64_t n) { philox::fill<Distribution>(key, out + at, at, n); });
}

// ---- integers ----------------------------------------------------------------------------------------------------

inline uint64_t high_product(uint64_t a, uint64_t b) {
  const uint64_t a0 = a & 0xffffffffu, a1 = a >> 32, b0 = b & 0xffffffffu, b1 = b >> 32;
  const uint64_t middle = a1 * b0 + (a0 * b0 >> 32), low = a0 * b1 + (middle & 0xffffffffu);
  return a1 * b1 + (middle >> 32) + (low >> 32);
}

// low + floor(x range / 2^bits): D. Lemire, "Fast random integer generation in an interval" (2019), without its
// rejection. A value's probability is off by at most 2^-bits, as TensorFlow's with x % range.
template <typename T>
struct Integers {
  T low;
  uint64_t range;  // 0: all there are

  static constexpr int kPerBlock = sizeof(T) == 8 ? 2 : 4;
  T of(uint32_t x) const {
    const uint32_t offset = range ? static_cast<uint32_t>(uint64_t{x} * range >> 32) : x;
    return static_cast<T>(static_cast<uint32_t>(low) + offset);
  }
  T of(uint32_t x0, uint32_t x1) const {
    const uint64_t x = uint64_t{x1} << 32 | x0;
    return static_cast<T>(static_cast<uint64_t>(low) + (range ? high_product(x, range) : x));
  }
  void lanes(const philox::Key &key, uint64_t first, T *out) const {
    const philox::Lanes x(key, first);
    for (int j = 0; j < philox::kLanes; ++j) {
      if constexpr (kPerBlock == 2) {
        out[2 * j] = of(x.word[0][j], x.word[1][j]);
        out[2 * j + 1] = of(x.word[2][j], x.word[3][j]);
      } else {
        for (int k = 0; k < 4; ++k) out[4 * j + k] = of(x.word[k][j]);
      }
    }
  }
};

template <typename T, int32_t seeds>
int32_t run_integers(const ow_call *call, int64_t first, int64_t last) {
  using Unsigned = std::make_unsigned_t<T>;
  const philox::Key key = key_of(call, seeds);
  Integers<T> draw{0, 0};
  if (call->n_in > 2) {  // the last two arguments are the limits
    const T low = *data<T>(call->in[call->n_in - 2]), high = *data<T>(call->in[call->n_in - 1]);
    if (low >= high)
      return OW_FAIL(call, OW_INVALID, "minval must be less than maxval, got %lld and %lld",
                     static_cast<long long>(low), static_cast<long long>(high));
    draw = {low, static_cast<uint64_t>(static_cast<Unsigned>(high) - static_cast<Unsigned>(low))};
  }
  T *out = data<T>(call->out[0]);
  alignas(64) T buffer[philox::kGroup<T>];
  return batches<T>(call, first, last, [&](int64_t at, int64_t n) {
    for (int64_t done = 0; done < n; done += philox::kGroup<T>) {
      const uint64_t number = static_cast<uint64_t>((at + done) / Integers<T>::kPerBlock);
      const bool whole = n - done >= philox::kGroup<T>;
      draw.lanes(key, number, whole ? out + at + done : buffer);
      if (!whole) std::memcpy(out + at + done, buffer, static_cast<size_t>(n - done) * sizeof(T));
    }
  });
}

template <template <typename> class Distribution, typename T>
void enter(const char *op, const char *stateless) {
  Kernel(op, signature<T>("*->T")).caps(OW_POST).prepare(prepare<T>).run(run<Distribution, T, -1>);
  Kernel(stateless, signature<T>("*,*->T")).caps(OW_POST).prepare(prepare<T>).run(run<Distribution, T, 1>);
}

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  enter<philox::Uniform, T>("random_standard_uniform", "stateless_random_standard_uniform");
  enter<philox::Normal, T>("random_standard_normal", "stateless_random_standard_normal");
  enter<philox::TruncatedNormal, T>("random_standard_truncated_normal", "stateless_random_standard_truncated_normal");
});
OW_REGISTER indices::each([](auto zero) {
  using T = decltype(zero);
  const auto kernel = [](const char *op, const char *pattern) {
    return Kernel(op, signature<T>(pattern)).caps(OW_POST).prepare(prepare<T>);
  };
  kernel("random_uniform_int", "*,T,T->T").run(run_integers<T, -1>);
  kernel("stateless_random_uniform_int", "*,*,T,T->T").run(run_integers<T, 1>);
  kernel("stateless_random_uniform_full_int", "*,*->T").run(run_integers<T, 1>);
});

}  // namespace
