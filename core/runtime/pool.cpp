#include "pool.h"

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "runtime.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace owr {
namespace {

constexpr int kSlots = 16;                             // jobs that can be shared at one time
constexpr auto kSpin = std::chrono::microseconds(40);  // how long a thread looks around before it sleeps
constexpr int32_t kMaxWorkers = 256;

inline void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

struct alignas(128) Slot {
  std::atomic<Job *> job{nullptr};
  std::atomic<int32_t> inside{0};   // helpers that may be using *job
  std::atomic<int32_t> awaited{0};  // callers that sleep until they are out
};

// In a forked child the helpers are gone, and with them whatever they held: the child starts a new Pool.
struct Pool {
  Slot slots[kSlots];
  alignas(128) std::atomic<uint64_t> epoch{0};  // counts shared jobs
  alignas(128) std::atomic<int32_t> asleep{0};
  std::atomic<int32_t> limit{1};  // workers, the caller included
  std::atomic<int32_t> started{1};
  std::mutex mutex;
  std::condition_variable wake, done;

  bool join_one(int32_t worker) {
    bool worked = false;
    for (Slot &slot : slots) {
      if (!slot.job.load(std::memory_order_relaxed)) continue;
      slot.inside.fetch_add(1);  // before looking again: the caller clears job, then waits for inside == 0
      if (Job *job = slot.job.load()) {
        job->work(job, worker);
        worked = true;
      }
      slot.inside.fetch_sub(1);
      if (slot.awaited.load() > 0) {
        std::lock_guard<std::mutex> lock(mutex);
        done.notify_all();
      }
    }
    return worked;
  }

  // Until no helper is inside. One that has lost its processor may take long: the caller's is better used for it.
  void wait_for_helpers(Slot &slot) {
    const auto until = std::chrono::steady_clock::now() + kSpin;
    while (slot.inside.load(std::memory_order_acquire) != 0) {
      pause();
      if (std::chrono::steady_clock::now() < until) continue;
      std::unique_lock<std::mutex> lock(mutex);
      slot.awaited.fetch_add(1);
      done.wait(lock, [&] { return slot.inside.load() == 0; });
      slot.awaited.fetch_sub(1);
    }
  }

  void help(int32_t worker) {
    FlushDenormals flush;
    uint64_t seen = epoch.load();
    for (;;) {
      auto until = std::chrono::steady_clock::now() + kSpin;
      while (worker < limit.load(std::memory_order_relaxed) && std::chrono::steady_clock::now() < until) {
        bool called = join_one(worker);
        for (int i = 0; i < 32 && epoch.load(std::memory_order_relaxed) == seen; ++i) pause();
        const uint64_t now = epoch.load(std::memory_order_relaxed);
        called = called || now != seen;
        seen = now;
        if (called) until = std::chrono::steady_clock::now() + kSpin;
      }
      std::unique_lock<std::mutex> lock(mutex);
      asleep.fetch_add(1);
      wake.wait(lock, [&] { return epoch.load() != seen && worker < limit.load(); });
      seen = epoch.load();
      asleep.fetch_sub(1);
    }
  }

  // Tells helpers that there is, or soon will be, something to do.
  void call(bool wake_sleeping) {
    epoch.fetch_add(1);
    if (!wake_sleeping || asleep.load() == 0) return;
    {
      std::lock_guard<std::mutex> lock(mutex);
    }  // a helper between its last look and its wait is now waiting
    wake.notify_all();
  }

  void start_helpers() {
    std::lock_guard<std::mutex> lock(mutex);
    for (int32_t worker = started; worker < limit; ++worker) {
      try {
        std::thread([this, worker] { help(worker); }).detach();
      } catch (...) {
        limit = worker;  // no more threads to be had: go on with those there are
        return;
      }
      started = worker + 1;
    }
  }
};

std::atomic<Pool *> current{nullptr};

void start_over_in_child() {
  Pool *old = current.load();
  Pool *fresh = new Pool;  // the old one is left as it is: its mutex may be held by a thread that no longer exists
  if (old) fresh->limit = old->limit.load();
  current = fresh;
}

Pool &pool() {
  static Pool *first = [] {
    current = new Pool;
    pthread_atfork(nullptr, nullptr, start_over_in_child);
    return current.load();
  }();
  (void)first;
  return *current.load(std::memory_order_relaxed);
}

}  // namespace

void share(Job *job, bool wake) {
  Pool &p = pool();
  if (p.started.load(std::memory_order_relaxed) < p.limit.load(std::memory_order_relaxed)) p.start_helpers();
  Slot *mine = nullptr;
  if (p.started.load(std::memory_order_relaxed) > 1) {
    for (Slot &slot : p.slots) {
      Job *none = nullptr;
      if (slot.job.load(std::memory_order_relaxed) == nullptr && slot.job.compare_exchange_strong(none, job)) {
        mine = &slot;
        break;
      }
    }
  }
  if (mine) p.call(wake);
  job->work(job, 0);
  if (!mine) return;  // every slot taken, or no helpers: the caller has done it all
  mine->job.store(nullptr);
  if (mine->inside.load(std::memory_order_acquire) != 0) p.wait_for_helpers(*mine);
}

void rouse() { pool().call(true); }

FlushDenormals::FlushDenormals() : saved_(0) {
#if defined(__x86_64__)
  saved_ = _mm_getcsr();
  _mm_setcsr(static_cast<unsigned>(saved_) | 0x8040);  // FTZ, DAZ
#elif defined(__aarch64__)
  __asm__ volatile("mrs %0, fpcr" : "=r"(saved_));
  __asm__ volatile("msr fpcr, %0" ::"r"(saved_ | (uint64_t{1} << 24)));  // FZ
#endif
}

FlushDenormals::~FlushDenormals() {
#if defined(__x86_64__)
  _mm_setcsr(static_cast<unsigned>(saved_));
#elif defined(__aarch64__)
  __asm__ volatile("msr fpcr, %0" ::"r"(saved_));
#endif
}

}  // namespace owr

int32_t owr_workers(void) { return owr::pool().limit; }

void owr_set_workers(int32_t n) {
  owr::Pool &p = owr::pool();
  p.limit = n < 1 ? 1 : n > owr::kMaxWorkers ? owr::kMaxWorkers : n;
}
