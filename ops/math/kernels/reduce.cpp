// reduce_sum, reduce_mean, reduce_prod, reduce_max, reduce_min, reduce_any, reduce_all, reduce_like.
#include "reduce.hpp"

#include <limits>

#include "opwright/guarded.hpp"

using namespace opwright;

namespace {

// Integers wrap around, which only unsigned ones may; float sums go on in double after every few dozen elements.
template <typename T>
using sum_lane = std::conditional_t<is_float<T>, compute_t<T>, std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>>;
template <typename T>
using wide = std::conditional_t<is_float<T>, double, sum_lane<T>>;

template <typename T>
struct Sum {
  using Lane = sum_lane<T>;
  using Total = wide<T>;
  static Lane start() { return 0; }
  template <typename A>
  static void step(A &a, const A &b) {
    a += b;
  }
  template <typename U>
  static void merge(Total &total, U lane) {
    total += lane;
  }
  static Total result(Total total, int64_t) { return total; }
};

// The mean of integers is their sum, divided and truncated.
template <typename T>
struct Mean : Sum<T> {
  using Lane = std::conditional_t<is_float<T>, compute_t<T>, uint64_t>;
  using Total = std::conditional_t<is_float<T>, double, uint64_t>;
  static Lane start() { return 0; }
  template <typename U>
  static void merge(Total &total, U lane) {
    total += lane;
  }
  static auto result(Total total, int64_t n) {
    if constexpr (is_float<T>) return total / static_cast<double>(n);
    else return n == 0 ? 0 : static_cast<int64_t>(total) / n;
  }
};

template <typename T>
struct Prod {
  using Lane = sum_lane<T>;
  using Total = wide<T>;
  static Lane start() { return 1; }
  template <typename A>
  static void step(A &a, const A &b) {
    a *= b;
  }
  template <typename U>
  static void merge(Total &total, U lane) {
    total *= lane;
  }
  static Total result(Total total, int64_t) { return total; }
};

// nan wins, as in NumPy.
template <typename T>
struct Max {
  using Lane = compute_t<T>;
  using Total = Lane;
  using Limits = std::numeric_limits<Lane>;
  static Lane start() { return is_float<T> ? -Limits::infinity() : Limits::lowest(); }
  template <typename A>
  static void step(A &a, const A &b) {
    a = (b > a) | (b != b) ? b : a;
  }
  static void merge(Total &total, Lane lane) { step(total, lane); }
  static Total result(Total total, int64_t) { return total; }
};

template <typename T>
struct Min {
  using Lane = compute_t<T>;
  using Total = Lane;
  using Limits = std::numeric_limits<Lane>;
  static Lane start() { return is_float<T> ? Limits::infinity() : Limits::max(); }
  template <typename A>
  static void step(A &a, const A &b) {
    a = (b < a) | (b != b) ? b : a;
  }
  static void merge(Total &total, Lane lane) { step(total, lane); }
  static Total result(Total total, int64_t) { return total; }
};

struct Any {
  using Lane = uint8_t;
  using Total = Lane;
  static Lane start() { return 0; }
  template <typename A>
  static void step(A &a, const A &b) {
    a |= b;
  }
  static void merge(Total &total, Lane lane) { step(total, lane); }
  static bool result(Total total, int64_t) { return total; }
};

struct All {
  using Lane = uint8_t;
  using Total = Lane;
  static Lane start() { return 1; }
  template <typename A>
  static void step(A &a, const A &b) {
    a &= b;
  }
  static void merge(Total &total, Lane lane) { step(total, lane); }
  static bool result(Total total, int64_t) { return total; }
};

template <typename R, typename T>
void enter(const char *op, const char *pattern = "T->T", int32_t (*prepare)(ow_plan *) = guarded<prepare_axes<R, T>>) {
  Kernel(op, signature<T>(pattern))
      .variant("portable")
      .caps(OW_STRIDED | OW_POST | OW_FOLDS)
      .prepare(prepare)
      .run(reduce_run<R, T>)
      .finish(reduce_finish<R, T>);
}

OW_REGISTER numbers::each([](auto zero) {
  using T = decltype(zero);
  enter<Sum<T>, T>("reduce_sum");
  enter<Sum<T>, T>("reduce_like", "T,*->T", guarded<prepare_like<Sum<T>>>);
  enter<Mean<T>, T>("reduce_mean");
  enter<Prod<T>, T>("reduce_prod");
  enter<Max<T>, T>("reduce_max");
  enter<Min<T>, T>("reduce_min");
});

OW_REGISTER types<bool>::each([](auto zero) {
  using T = decltype(zero);
  enter<Any, T>("reduce_any");
  enter<All, T>("reduce_all");
});

}  // namespace
