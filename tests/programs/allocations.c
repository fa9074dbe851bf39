// Counts a step's calls of malloc and its kin, which pass through here when this is loaded first (LD_PRELOAD): those
// made while counted_run is under way, on whatever thread.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <execinfo.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

static atomic_int counting;
static atomic_long calls, theirs;
static void *frames[24];  // of the first of our calls
static int n_frames;

// Whether oneDNN makes the call: dnnl_primitive_execute builds a map of its arguments each time.
static int by_onednn(void *const *from, int n) {
  Dl_info at;
  for (int i = 0; i < n; ++i)
    if (dladdr(from[i], &at) && at.dli_fname && strstr(at.dli_fname, "libdnnl")) return 1;
  return 0;
}

static void count(void) {
  if (!atomic_load_explicit(&counting, memory_order_relaxed)) return;
  void *here[24];
  const int n = backtrace(here, 24);
  if (by_onednn(here, n < 6 ? n : 6)) {
    atomic_fetch_add(&theirs, 1);
  } else if (atomic_fetch_add(&calls, 1) == 0) {
    memcpy(frames, here, sizeof here);
    n_frames = n;
  }
}

void *malloc(size_t n) {
  count();
  return __libc_malloc(n);
}

void *calloc(size_t n, size_t size) {
  count();
  return __libc_calloc(n, size);
}

void *realloc(void *old, size_t n) {
  count();
  return __libc_realloc(old, n);
}

void *memalign(size_t alignment, size_t n) {
  count();
  return __libc_memalign(alignment, n);
}

void *aligned_alloc(size_t alignment, size_t n) {
  count();
  return __libc_memalign(alignment, n);
}

int posix_memalign(void **made, size_t alignment, size_t n) {
  count();
  *made = __libc_memalign(alignment, n);
  return *made ? 0 : 12;  // ENOMEM
}

void free(void *memory) {
  if (memory) count();
  __libc_free(memory);
}

void *mmap(void *at, size_t n, int protection, int flags, int file, off_t offset) {
  static void *(*next)(void *, size_t, int, int, int, off_t);
  if (!next) *(void **)&next = dlsym(RTLD_NEXT, "mmap");
  count();
  return next(at, n, protection, flags, file, offset);
}

// run(plan, resume), counted.
int32_t counted_run(int32_t (*run)(void *, int32_t), void *plan, int32_t resume) {
  atomic_store(&counting, 1);
  const int32_t status = run(plan, resume);
  atomic_store(&counting, 0);
  return status;
}

// What has been counted since the last call: {ours, oneDNN's}; into `who` the frames of the first of ours.
void counted(long found[2], char *who, size_t room) {
  found[0] = atomic_exchange(&calls, 0);
  found[1] = atomic_exchange(&theirs, 0);
  who[0] = 0;
  for (int i = 0; i < n_frames; ++i) {
    Dl_info at;
    const size_t used = strlen(who);
    if (dladdr(frames[i], &at) && at.dli_fname)
      snprintf(who + used, room - used, "%s in %s\n", at.dli_sname ? at.dli_sname : "?", at.dli_fname);
  }
  n_frames = backtrace(frames, 1) - 1;  // which takes memory when it is first used
}
