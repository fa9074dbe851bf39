// A stand-in for libcuda.so.1, the functions that launch.cpp uses. An image is a word that the resolver, when a kernel
// of it is first launched, turns into the path of a shared library with the function <name>_<word>_entry. The device's
// memory is the host's, closed to all but launches and copies.
#include <dlfcn.h>
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>

#include "fake.h"

namespace {

constexpr size_t kRegion = size_t{1} << 33;

std::recursive_mutex mutex;
std::map<std::string, int> calls, failures;
char *region = nullptr;
size_t used = 0;
int depth = 0;
int stream;
thread_local void *current = nullptr;

using Entry = void (*)(unsigned, unsigned, void **);

struct Function {
  std::string image, name;
  Entry entry;
};
fake_resolver_fn resolver = nullptr;

bool resolve(Function *f) {
  const char *path = resolver ? resolver(f->image.c_str()) : nullptr;
  void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : nullptr;
  if (library) f->entry = reinterpret_cast<Entry>(dlsym(library, (f->name + "_" + f->image + "_entry").c_str()));
  if (!f->entry) std::fprintf(stderr, "fake GPU: %s: %s\n", f->name.c_str(), dlerror());
  return f->entry != nullptr;
}

// Counts a call; the status it is to fail with, or 0.
int counted(const char *function) {
  std::lock_guard<std::recursive_mutex> lock(mutex);
  ++calls[function];
  const int status = failures[function];
  failures[function] = 0;
  return status;
}

int needs_context(const char *function) {
  if (int status = counted(function)) return status;
  return current == &region ? 0 : 201;  // CUDA_ERROR_INVALID_CONTEXT
}

int copied(const char *function, void *to, const void *from, size_t n, const void *on) {
  if (int status = needs_context(function)) return status;
  if (!fake_is_stream(on)) return 400;  // CUDA_ERROR_INVALID_HANDLE
  fake_enter();
  std::memcpy(to, from, n);
  fake_leave();
  return 0;
}

void *at(unsigned long long address) { return reinterpret_cast<void *>(address); }

}  // namespace

#define FAKE extern "C" __attribute__((visibility("default")))

FAKE void *fake_allocate(size_t bytes) {
  std::lock_guard<std::recursive_mutex> lock(mutex);
  if (!region)
    region = static_cast<char *>(mmap(nullptr, kRegion, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  char *found = region + used;
  used += (bytes + 4095) / 4096 * 4096 + 4096;
  return found;
}

FAKE void fake_enter(void) {
  mutex.lock();
  if (depth++ == 0 && used) mprotect(region, used, PROT_READ | PROT_WRITE);
}

FAKE void fake_leave(void) {
  if (--depth == 0 && used) mprotect(region, used, PROT_NONE);
  mutex.unlock();
}

FAKE void fake_check(const void *pointer) {
  const char *p = static_cast<const char *>(pointer);
  if (!p || (p >= region && p < region + used)) return;
  std::fprintf(stderr, "fake GPU: a kernel gets %p, which is not the device's memory\n", pointer);
  std::abort();
}

FAKE int fake_is_stream(const void *given) { return given == &stream; }
FAKE void *fake_stream(void) { return &stream; }
FAKE void fake_fail(const char *function, int status) { failures[function] = status; }
FAKE void fake_resolver(fake_resolver_fn given) { resolver = given; }
FAKE int fake_count(const char *function) { return calls[function]; }

FAKE int cuInit(unsigned) { return counted("cuInit"); }
FAKE int cuDriverGetVersion(int *version) { return *version = 13000, 0; }
FAKE int cuDeviceGetCount(int *count) { return *count = 1, counted("cuDeviceGetCount"); }
FAKE int cuDeviceGet(int *device, int number) { return *device = number, 0; }
FAKE int cuDeviceGetName(char *name, int room, int) {
  return std::snprintf(name, static_cast<size_t>(room), "Fake"), 0;
}
FAKE int cuDeviceGetAttribute(int *value, int attribute, int) { return *value = attribute == 75 ? 9 : 0, 0; }
FAKE int cuDevicePrimaryCtxRetain(void **context, int) { return *context = &region, 0; }
FAKE int cuCtxSetCurrent(void *context) { return current = context, 0; }

FAKE int cuModuleLoadData(void **module, const void *image) {
  if (int status = needs_context("cuModuleLoadData")) return status;
  *module = new std::string(static_cast<const char *>(image));
  return 0;
}

FAKE int cuModuleGetFunction(void **function, void *module, const char *name) {
  *function = new Function{*static_cast<std::string *>(module), name, nullptr};
  return 0;
}

FAKE int cuLaunchKernel(void *function, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned, unsigned,
                        unsigned, void *on, void **parameters, void **) {
  if (int status = needs_context("cuLaunchKernel")) return status;
  if (!fake_is_stream(on)) return 400;
  if (x == 0 || y != 1 || z != 1 || threads == 0 || threads > 1024) return 1;  // CUDA_ERROR_INVALID_VALUE
  Function *f = static_cast<Function *>(function);
  if (!f->entry && !resolve(f)) return 500;  // CUDA_ERROR_NOT_FOUND
  f->entry(x, threads, parameters);
  return 0;
}

FAKE int cuMemcpyHtoDAsync_v2(unsigned long long to, const void *from, size_t n, void *on) {
  fake_check(at(to));
  return copied("cuMemcpyHtoDAsync_v2", at(to), from, n, on);
}
FAKE int cuMemcpyDtoHAsync_v2(void *to, unsigned long long from, size_t n, void *on) {
  fake_check(at(from));
  return copied("cuMemcpyDtoHAsync_v2", to, at(from), n, on);
}
FAKE int cuMemcpyDtoDAsync_v2(unsigned long long to, unsigned long long from, size_t n, void *on) {
  fake_check(at(to)), fake_check(at(from));
  return copied("cuMemcpyDtoDAsync_v2", at(to), at(from), n, on);
}
FAKE int cuStreamSynchronize(void *) { return needs_context("cuStreamSynchronize"); }
FAKE int cuPointerGetAttribute(void *, int, unsigned long long) { return 1; }  // memory that CUDA does not know
FAKE int cuGetErrorString(int, const char **text) { return *text = "as told", 0; }
