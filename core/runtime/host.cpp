// The host table: what kernels may ask of the core.
#include <cstring>
#include <map>
#include <mutex>
#include <string>

#include "runtime.h"

namespace {

uint64_t cpu_features() {
  uint64_t bits = 0;
#if defined(__x86_64__) && defined(__GNUC__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
    bits |= OW_CPU_AVX2;
  if ((bits & OW_CPU_AVX2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    bits |= OW_CPU_AVX512;
    if (__builtin_cpu_supports("avx512vnni")) bits |= OW_CPU_AVX512_VNNI;
    if (__builtin_cpu_supports("avx512bf16")) bits |= OW_CPU_AVX512_BF16;
  }
#elif defined(__aarch64__)
  bits |= OW_CPU_NEON;
#endif
  return bits;
}

struct Extensions {
  std::mutex mutex;
  std::map<std::string, const void *> tables;
};

Extensions &extensions() {
  static Extensions *all = new Extensions;  // outlives every library
  return *all;
}

// Every extension table starts with its uint32_t struct_size.
const void *extension(const char *name, uint32_t min_size) {
  Extensions &all = extensions();
  std::lock_guard<std::mutex> lock(all.mutex);
  auto found = all.tables.find(name);
  if (found == all.tables.end()) return nullptr;
  uint32_t size;
  std::memcpy(&size, found->second, sizeof size);
  return size >= min_size ? found->second : nullptr;
}

}  // namespace

int32_t owr_fail(void *err, int32_t code, const char *message) {
  owr_error *error = static_cast<owr_error *>(err);
  if (!error) return code;
  int32_t none = OW_OK;  // several workers may fail at once; the first one is kept
  if (__atomic_compare_exchange_n(&error->code, &none, code, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
    std::strncpy(error->message, message ? message : "", sizeof error->message - 1);
    error->message[sizeof error->message - 1] = 0;
  }
  return code;
}

void owr_set_extension(const char *name, const void *table) {
  Extensions &all = extensions();
  std::lock_guard<std::mutex> lock(all.mutex);
  all.tables[name] = table;
}

const ow_host *owr_host(void) {
  static const ow_host host = {
      sizeof(ow_host), OW_ABI_MAJOR,
      OW_ABI_MINOR,    OW_FEATURE_TILE | OW_FEATURE_POST | OW_FEATURE_CHUNKS | OW_FEATURE_RNG | OW_FEATURE_FOLD,
      cpu_features(),  owr_fail,
      extension,
  };
  return &host;
}
