// What one core of this machine can do at best: the yardsticks of the profiler.
#include <chrono>

#include "runtime.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define OWR_X86 1
#endif

namespace {

constexpr int kChains = 12;  // independent sums: more than latency times throughput of the units asks for
constexpr int64_t kRounds = 4096;

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

volatile float start = 1, sink;  // the chains differ, or the compiler would see that one is enough

// Each returns the floating-point operations it has done.
int64_t fma_portable() {
  float sums[kChains * 4];
  for (int k = 0; k < kChains * 4; ++k) sums[k] = start + static_cast<float>(k);
  for (int64_t r = 0; r < kRounds; ++r)
    for (float &sum : sums) sum = sum * 0.5f + 1.0f;
  for (float sum : sums) sink = sum;
  return kRounds * kChains * 4 * 2;
}

#if OWR_X86
__attribute__((target("avx2,fma"))) int64_t fma_avx2() {
  __m256 sums[kChains];
  for (int k = 0; k < kChains; ++k) sums[k] = _mm256_set1_ps(start + static_cast<float>(k));
  const __m256 half = _mm256_set1_ps(0.5f), one = _mm256_set1_ps(1.0f);
  for (int64_t r = 0; r < kRounds; ++r)
    for (__m256 &sum : sums) sum = _mm256_fmadd_ps(sum, half, one);
  for (const __m256 &sum : sums) sink = _mm256_cvtss_f32(sum);
  return kRounds * kChains * 8 * 2;
}

__attribute__((target("avx512f"))) int64_t fma_avx512() {
  __m512 sums[kChains];
  for (int k = 0; k < kChains; ++k) sums[k] = _mm512_set1_ps(start + static_cast<float>(k));
  const __m512 half = _mm512_set1_ps(0.5f), one = _mm512_set1_ps(1.0f);
  for (int64_t r = 0; r < kRounds; ++r)
    for (__m512 &sum : sums) sum = _mm512_fmadd_ps(sum, half, one);
  for (const __m512 &sum : sums) sink = _mm512_cvtss_f32(sum);
  return kRounds * kChains * 16 * 2;
}
#endif

int64_t fma() {
#if OWR_X86
  if (owr_host()->cpu & OW_CPU_AVX512) return fma_avx512();
  if (owr_host()->cpu & OW_CPU_AVX2) return fma_avx2();
#endif
  return fma_portable();
}

}  // namespace

double owr_peak_flops(double budget) {
  double best = 0;
  for (const double end = seconds() + budget; seconds() < end;) {
    const double start = seconds();
    const int64_t done = fma();
    const double rate = static_cast<double>(done) / (seconds() - start);
    if (rate > best) best = rate;
  }
  return best;
}
