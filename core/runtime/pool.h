// The thread pool: helpers that join whatever stage is being worked on. The caller never waits for a helper that has
// not started: it claims chunks itself and at the end only waits for helpers that are inside one.
#pragma once
#include <atomic>
#include <cstdint>

namespace owr {

// Work to share: `work` claims pieces until none is left, and returns. Worker 0 is the caller.
struct Job {
  void (*work)(Job *job, int32_t worker);
};

// Runs job->work on the caller and on whichever helpers come. With wake, sleeping helpers are woken.
void share(Job *job, bool wake);

// Wakes helpers for work that will be shared soon: waking takes longer than light nodes do.
void rouse();

// Flushes denormals to zero on this thread while it lives; a multiplication by a denormal takes 70 times as long.
class FlushDenormals {
 public:
  FlushDenormals();
  ~FlushDenormals();

 private:
  uint64_t saved_;
};

}  // namespace owr
