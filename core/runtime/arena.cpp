// Arenas: address space reserved once and committed as plans need it, so that the addresses in older plans stay good.
#include <cstdlib>
#include <cstring>

#include "runtime.h"

#if defined(_WIN32)
#include <windows.h>

void *owr_arena_reserve(uint64_t bytes) { return VirtualAlloc(nullptr, bytes, MEM_RESERVE, PAGE_NOACCESS); }
int32_t owr_arena_commit(void *arena, uint64_t from, uint64_t to) {
  return VirtualAlloc(static_cast<char *>(arena) + from, to - from, MEM_COMMIT, PAGE_READWRITE) ? OW_OK : OW_NO_MEMORY;
}
void owr_arena_release(void *arena, uint64_t) { VirtualFree(arena, 0, MEM_RELEASE); }

#else
#include <sys/mman.h>
#include <unistd.h>

void *owr_arena_reserve(uint64_t bytes) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS;
#ifdef MAP_NORESERVE
  flags |= MAP_NORESERVE;
#endif
  void *arena = mmap(nullptr, bytes, PROT_NONE, flags, -1, 0);
  if (arena == MAP_FAILED) return nullptr;
#ifdef MADV_HUGEPAGE
  madvise(arena, bytes, MADV_HUGEPAGE);
#endif
  return arena;
}

int32_t owr_arena_commit(void *arena, uint64_t from, uint64_t to) {
  char *start = static_cast<char *>(arena) + from;
  if (mprotect(start, to - from, PROT_READ | PROT_WRITE) != 0) return OW_NO_MEMORY;
  // A first touch costs 2 us a page; here it is paid once, when the plan is built.
  const long page = sysconf(_SC_PAGESIZE);
  for (uint64_t i = 0; i < to - from; i += static_cast<uint64_t>(page)) static_cast<volatile char *>(start)[i] = 0;
  return OW_OK;
}

void owr_arena_release(void *arena, uint64_t bytes) { munmap(arena, bytes); }
#endif
