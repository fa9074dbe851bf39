// Candidate samplers: classes drawn at random, and how often each is expected among them. One thread draws: whether a
// candidate is new depends on all before it.
#include <algorithm>

#include "nn_attributes.h"
#include "opwright/philox.hpp"

using namespace opwright;

namespace {

// Numbers in [0, 1), one after the other.
class Draws {
 public:
  explicit Draws(const ow_rng &rng) : key_(rng) {}
  double next() {
    if (used_ == 2) block_ = philox::block(key_, number_++), used_ = 0;
    const uint32_t *word = block_.word + 2 * used_++;
    return philox::uniform(word[0], word[1]);
  }

 private:
  philox::Key key_;
  philox::Block block_;
  uint64_t number_ = 0;
  int used_ = 2;
};

// P(k) = log((k + 2) / (k + 1)) / log(n + 1): Zipf's law, drawn as floor(e^(u log(n + 1))) - 1.
struct LogUniform {
  int64_t n;
  double range;
  LogUniform(const ow_call *, int64_t classes) : n(classes), range(std::log1p(static_cast<double>(classes))) {}
  int64_t draw(double u) const { return (static_cast<int64_t>(std::exp(u * range)) - 1) % n; }
  int64_t possible() const { return n; }
  double probability(int64_t k) const { return std::log1p(1 / (static_cast<double>(k) + 1)) / range; }
};

struct Uniform {
  int64_t n;
  Uniform(const ow_call *, int64_t classes) : n(classes) {}
  int64_t draw(double u) const { return std::min(static_cast<int64_t>(u * static_cast<double>(n)), n - 1); }
  int64_t possible() const { return n; }
  double probability(int64_t) const { return 1 / static_cast<double>(n); }
};

// By the cumulative distribution, the second input.
struct Unigram {
  const double *upto;
  int64_t n;
  Unigram(const ow_call *call, int64_t classes) : upto(data<const double>(call->in[1])), n(classes) {}
  int64_t draw(double u) const { return std::min<int64_t>(std::upper_bound(upto, upto + n, u) - upto, n - 1); }
  // How many classes can be drawn: those in which `upto` first passes some u in [0, 1).
  int64_t possible() const {
    int64_t found = 0;
    double before = 0;
    for (int64_t k = 0; k < n; ++k) {
      if (before < 1 && (upto[k] > before || k == n - 1)) ++found;
      if (upto[k] > before) before = upto[k];
    }
    return found;
  }
  double probability(int64_t k) const { return upto[k] - (k ? upto[k - 1] : 0); }
};

// The candidates so far: a table with open addressing, at most half full, -1 where free.
class Seen {
 public:
  static uint64_t size(int64_t n) {
    uint64_t slots = 16;
    while (slots < 2 * static_cast<uint64_t>(n)) slots *= 2;
    return slots;
  }
  Seen(void *memory, int64_t n) : slots_(static_cast<int64_t *>(memory)), mask_(size(n) - 1) {
    std::fill(slots_, slots_ + mask_ + 1, int64_t{-1});
  }
  bool insert(int64_t value) {
    uint64_t at = (static_cast<uint64_t>(value) * 0x9e3779b97f4a7c15u) >> 20;
    for (at &= mask_; slots_[at] >= 0; at = (at + 1) & mask_)
      if (slots_[at] == value) return false;
    slots_[at] = value;
    return true;
  }

 private:
  int64_t *slots_;
  uint64_t mask_;
};

// The attributes that all samplers have, in this order.
enum { kUnique = LOG_UNIFORM_CANDIDATE_SAMPLER_UNIQUE, kRange = LOG_UNIFORM_CANDIDATE_SAMPLER_RANGE_MAX };
static_assert(static_cast<int>(kUnique) == static_cast<int>(UNIFORM_CANDIDATE_SAMPLER_UNIQUE) &&
                  static_cast<int>(kRange) == static_cast<int>(UNIFORM_CANDIDATE_SAMPLER_RANGE_MAX) &&
                  static_cast<int>(kUnique) == static_cast<int>(FIXED_UNIGRAM_CANDIDATE_SAMPLER_UNIQUE) &&
                  static_cast<int>(kRange) == static_cast<int>(FIXED_UNIGRAM_CANDIDATE_SAMPLER_RANGE_MAX),
              "the samplers' signatures must begin alike");

int32_t prepare(ow_plan *plan) {
  const int64_t n = plan->out[0]->shape[0];
  if (plan->attr[kUnique].v.i) plan->scratch_bytes = Seen::size(n) * sizeof(int64_t);
  plan->flops = 200.0 * static_cast<double>(n + size(plan->in[0]));
  return OW_OK;
}

// How often a class of probability p is expected in n candidates, got in `tries` draws.
float expected(double p, int64_t n, int64_t tries) {
  if (tries == n) return static_cast<float>(p * static_cast<double>(n));
  return static_cast<float>(-std::expm1(static_cast<double>(tries) * std::log1p(-p)));
}

template <typename Distribution>
int32_t run(const ow_call *call, int64_t, int64_t) {
  const int64_t classes = call->attr[kRange].v.i, n = call->out[0]->shape[0], n_true = size(call->in[0]);
  const Distribution distribution(call, classes);
  Draws draws(*call->rng);
  int64_t *sampled = data<int64_t>(call->out[0]);
  int64_t tries = n;
  if (call->attr[kUnique].v.i) {
    if (distribution.possible() < n)
      return OW_FAIL(call, OW_INVALID,
                     "num_sampled must be at most %lld, the classes of positive probability, got %lld",
                     static_cast<long long>(distribution.possible()), static_cast<long long>(n));
    Seen seen(call->scratch, n);
    tries = 0;
    for (int64_t i = 0; i < n; ++tries) {
      if (tries % 4096 == 4095 && call->cancel && *call->cancel) return OW_CANCELLED;
      const int64_t k = distribution.draw(draws.next());
      if (seen.insert(k)) sampled[i++] = k;
    }
  } else {
    for (int64_t i = 0; i < n; ++i) sampled[i] = distribution.draw(draws.next());
  }
  for (int64_t i = 0; i < n; ++i)
    data<float>(call->out[2])[i] = expected(distribution.probability(sampled[i]), n, tries);
  for (int64_t i = 0; i < n_true; ++i) {
    const int64_t k = data<const int64_t>(call->in[0])[i];
    if (k < 0 || k >= classes)
      return OW_FAIL(call, OW_OUT_OF_RANGE, "true_classes must lie in [0, %lld), got %lld",
                     static_cast<long long>(classes), static_cast<long long>(k));
    data<float>(call->out[1])[i] = expected(distribution.probability(k), n, tries);
  }
  return OW_OK;
}

OW_REGISTER Kernel("log_uniform_candidate_sampler", "int64->int64,float32,float32")
    .prepare(prepare)
    .run(run<LogUniform>);
OW_REGISTER Kernel("uniform_candidate_sampler", "int64->int64,float32,float32").prepare(prepare).run(run<Uniform>);
OW_REGISTER Kernel("fixed_unigram_candidate_sampler", "int64,float64->int64,float32,float32")
    .prepare(prepare)
    .run(run<Unigram>);

}  // namespace
