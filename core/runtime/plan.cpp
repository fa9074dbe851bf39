// owr_run: walks a plan's stages. Serial stages cost a few ns a node; the chunks of parallel stages are dealt out by
// an atomic counter.
#include "plan.h"

#include <chrono>
#include <cstdio>
#include <cstring>

#include "pool.h"

namespace {

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

owr_trace *tracing = nullptr;

// Runs chunks of a node; a traced run leaves a span.
int32_t run_chunks(const owr_plan *plan, const owr_node &node, const ow_call *call, int64_t first, int64_t last) {
  owr_trace *trace = plan->root->trace;
  if (!trace) return node.run(call, first, last);
  const int64_t begin = now_ns();
  const int32_t code = node.run(call, first, last);
  const int64_t at = __atomic_fetch_add(&trace->count, 1, __ATOMIC_RELAXED);
  if (at < trace->capacity) trace->spans[at] = {plan->root, node.id, call->worker, first, last, begin, now_ns()};
  return code;
}

// The call as `worker` makes it: worker 0's is in the node, the others' differ in two members.
struct WorkerCall {
  ow_call call;
  WorkerCall(const owr_node &node, int32_t worker) : call(node.call) {
    call.worker = worker;
    call.worker_scratch =
        static_cast<char *>(call.worker_scratch) + node.worker_scratch_bytes * static_cast<uint64_t>(worker);
  }
};

// The innermost node that failed is kept: nodes that run plans of their own only hand on the code.
int32_t failed(owr_plan *plan, const owr_node &node, int32_t code) {
  owr_error *err = &plan->root->err;
  if (code == OW_CANCELLED) owr_fail(err, code, "cancelled");
  owr_fail(err, code, "the kernel failed without a message");
  int32_t nobody = -1;
  __atomic_compare_exchange_n(&err->node, &nobody, node.id, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
  return code;
}

void zero_scratch(const owr_node &node, int32_t workers) {
  if (node.scratch_bytes) std::memset(node.call.scratch, 0, node.scratch_bytes);
  if (node.worker_scratch_bytes)
    std::memset(node.call.worker_scratch, 0, node.worker_scratch_bytes * static_cast<uint64_t>(workers));
}

int32_t finish(owr_plan *plan, const owr_node &node) {
  if (node.finish)
    if (int32_t code = node.finish(&node.call)) return failed(plan, node, code);
  if (node.done) *node.done = 1;
  return OW_OK;
}

// A parallel stage being worked on. Chunks are numbered through all nodes of the stage. The caller takes them from the
// front, helpers from the back: in the next stage, and in the next run, each finds in its cache what it left there.
struct StageJob : owr::Job {
  owr_plan *plan;
  const owr_stage *stage;
  int64_t total;  // chunks to run
  int64_t front;
  alignas(64) std::atomic<int64_t> taken{0};
  std::atomic<int64_t> back;
  alignas(64) std::atomic<int32_t> stop{0};

  StageJob(owr_plan *p, const owr_stage *s) : plan(p), stage(s), front(p->next), back(p->end) {
    work = [](owr::Job *job, int32_t worker) { static_cast<StageJob *>(job)->claim(worker); };
    total = p->end - p->next;
  }

  void claim(int32_t worker) {
    if (worker >= plan->max_workers) return;
    while (!stop.load(std::memory_order_relaxed)) {
      const int64_t before = taken.fetch_add(stage->grain, std::memory_order_relaxed);
      if (before >= total) return;
      const int64_t n = before + stage->grain < total ? stage->grain : total - before;
      const int64_t from = worker == 0 ? front : back.fetch_sub(n, std::memory_order_relaxed) - n;
      if (worker == 0) front += n;
      if (run(from, from + n, worker) != OW_OK || plan->root->cancel || (worker == 0 && owr::late(plan))) stop = 1;
    }
  }

  int32_t run(int64_t from, int64_t to, int32_t worker) {
    int64_t base = 0;
    for (const owr_node *node = plan->nodes + stage->first; from < to; base += node->n_chunks, ++node) {
      if (from >= base + node->n_chunks) continue;
      const int64_t end = to < base + node->n_chunks ? to : base + node->n_chunks;
      const WorkerCall mine(*node, worker);
      if (int32_t code = run_chunks(plan, *node, &mine.call, from - base, end - base)) return failed(plan, *node, code);
      from = end;
    }
    return OW_OK;
  }
};

int32_t run_parallel(owr_plan *plan, const owr_stage &stage) {
  const owr_node *nodes = plan->nodes + stage.first;
  if (plan->end == 0)  // it begins
    for (int32_t i = 0; i < stage.count; ++i) {
      if (nodes[i].zero_scratch) zero_scratch(nodes[i], plan->max_workers);
      plan->end += nodes[i].n_chunks;
    }
  StageJob job(plan, &stage);
  owr::share(&job, stage.wake != 0);
  owr_plan *root = plan->root;
  if (root->err.code) return root->err.code;
  if (root->cancel) return owr_fail(&root->err, OW_CANCELLED, "cancelled");
  plan->next = job.front;
  plan->end = job.back;
  if (plan->next < plan->end) return OWR_YIELD;
  for (int32_t i = 0; i < stage.count; ++i)
    if (int32_t code = finish(plan, nodes[i])) return code;
  return OW_OK;
}

int32_t run_serial(owr_plan *plan, const owr_stage &stage) {
  owr_plan *root = plan->root;
  const owr_node *nodes = plan->nodes + stage.first;
  if (stage.wake) owr::rouse();
  for (int64_t i = plan->next; i < stage.count; ++i) {
    const owr_node &node = nodes[i];
    if (node.zero_scratch) zero_scratch(node, 1);
    if (int32_t code = run_chunks(plan, node, &node.call, 0, node.n_chunks)) {
      if (code != OWR_YIELD) return failed(plan, node, code);
      plan->next = i;  // a node that runs plans of its own: it will go on where it was
      return code;
    }
    if (node.finish || node.done)
      if (int32_t code = finish(plan, node)) return code;
    if (root->cancel) return owr_fail(&root->err, OW_CANCELLED, "cancelled");
    if ((i & 63) == 63 && owr::late(plan)) {
      plan->next = i + 1;
      return OWR_YIELD;
    }
  }
  return OW_OK;
}

// Told before a plan writes variables and after, so that nobody keeps what they held between.
void changed(owr_plan *plan) { __atomic_fetch_add(plan->changes, 1, __ATOMIC_ACQ_REL); }

void start(owr_plan *plan) {
  plan->stage = 0;
  plan->next = plan->end = 0;
  if (plan->changes) {
    plan->found = __atomic_load_n(plan->changes, __ATOMIC_ACQUIRE);
    if (plan->n_kept && plan->kept == plan->found) plan->stage = plan->n_kept;
    if (plan->writes) changed(plan);
  }
  for (int32_t i = 0; i < plan->n_randoms; ++i)
    plan->randoms[i].rng->run = __atomic_fetch_add(plan->randoms[i].counter, 1, __ATOMIC_RELAXED);
}

}  // namespace

namespace owr {

bool late(const owr_plan *plan) { return now_ns() > plan->root->deadline; }

int32_t walk(owr_plan *plan, bool resume) {
  if (!resume) start(plan);
  for (; plan->stage < plan->n_stages; ++plan->stage) {
    const owr_stage &stage = plan->stages[plan->stage];
    const int32_t code = stage.parallel ? run_parallel(plan, stage) : run_serial(plan, stage);
    if (code) return code;
    plan->next = plan->end = 0;
    if (plan->stage + 1 == plan->n_kept) plan->kept = plan->found;
    if (plan->stage + 1 < plan->n_stages && late(plan)) {
      ++plan->stage;
      return OWR_YIELD;
    }
  }
  return OW_OK;
}

}  // namespace owr

int32_t owr_run(owr_plan *plan, int32_t resume) {
  if (!resume) {
    plan->cancel = 0;
    plan->err.code = OW_OK;
    plan->err.node = -1;
    ++plan->epoch;
    plan->trace = __atomic_load_n(&tracing, __ATOMIC_ACQUIRE);
  }
  const owr::FlushDenormals flush;
  const bool quick = plan->n_stages == 1 && !plan->stages[0].parallel && plan->stages[0].count < 64 && !plan->nested;
  if (!quick) plan->deadline = now_ns() + plan->yield_ns;  // a quick one is done before it looks at the time
  const int32_t code = owr::walk(plan, resume != 0);
  if (plan->writes && code != OWR_YIELD) changed(plan);
  return code;
}

int32_t owr_repeat(owr_plan *plan, int64_t left[2]) {
  const int64_t end = now_ns() + plan->yield_ns;
  while (left[0] > 0) {
    const int32_t code = owr_run(plan, static_cast<int32_t>(left[1]));
    left[1] = code == OWR_YIELD;
    if (code) return code;
    if (--left[0] > 0 && now_ns() > end) return OWR_YIELD;
  }
  return OW_OK;
}

void owr_cancel(owr_plan *plan) { plan->cancel = 1; }

void owr_set_trace(owr_trace *trace) { __atomic_store_n(&tracing, trace, __ATOMIC_RELEASE); }
