/* runtime.h: what Python sees of libopwright: plans, their run, arenas. Internal; not for kernel libraries.
 *
 * A plan is one block of memory that Python laid out: stages of nodes, each a kernel function with its ow_call filled
 * in. owr_run walks it. Python never calls a kernel of a session by itself.
 */
#ifndef OPWRIGHT_RUNTIME_H
#define OPWRIGHT_RUNTIME_H

#include "opwright/kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

/* cdef begin */

enum {
  OWR_YIELD = -1 /* owr_run stopped between chunks so that Python can serve signals: call it again with resume = 1 */
};

typedef struct owr_error {
  int32_t code;
  int32_t node; /* owr_node.id, or -1 */
  char message[512];
} owr_error;

typedef struct owr_node {
  ow_run_fn run;
  ow_finish_fn finish;
  ow_call call; /* worker 0's */
  int64_t n_chunks;
  uint64_t scratch_bytes, worker_scratch_bytes; /* the latter also the distance between workers' scratch */
  int32_t id;
  int32_t zero_scratch;
  uint8_t *done; /* set to 1 once the node has run; NULL if nobody asks */
} owr_node;

/* Nodes [first, first + count). Serial: in order, on the caller. Parallel: independent of each other, their chunks are
 * dealt to all workers, `grain` chunks at a time. */
typedef struct owr_stage {
  int32_t first, count;
  int32_t parallel;
  int32_t wake; /* worth waking sleeping helpers for */
  int64_t grain;
} owr_stage;

typedef struct owr_random {
  ow_rng *rng;       /* what the node's call sees */
  uint64_t *counter; /* the session's count of the op's runs; fetched and incremented at the start of a run */
} owr_random;

/* What the profiler sees: a node's chunks [first, last) as a worker ran them. */
typedef struct owr_span {
  const struct owr_plan *plan;
  int32_t node, worker; /* owr_node.id */
  int64_t first, last;
  int64_t begin_ns, end_ns; /* steady clock */
} owr_span;

/* Spans beyond the capacity are counted and not kept. */
typedef struct owr_trace {
  owr_span *spans;
  int64_t capacity, count;
} owr_trace;

typedef struct owr_plan {
  int32_t n_stages, n_randoms;
  int32_t max_workers; /* scratch is laid out for so many; further helpers stay away */
  owr_node *nodes;
  owr_stage *stages;
  owr_random *randoms;
  int64_t yield_ns; /* return OWR_YIELD after about this long */
  volatile int32_t cancel;
  int32_t stage; /* where to go on: stage, and its next node or chunk */
  int64_t next;
  owr_trace *trace; /* of this run; NULL: none */
  owr_error err;
} owr_plan;

int32_t owr_run(owr_plan *plan, int32_t resume);
void owr_cancel(owr_plan *plan);

/* Runs that start from now on leave their spans in `trace`; NULL: no more. It must outlive the runs that began with it.
 */
void owr_set_trace(owr_trace *trace);

/* The most float32 operations a second that one core did within `budget` seconds of multiply-adds. */
double owr_peak_flops(double budget);

/* Tile programs: elementwise clusters run tile by tile in L1 from the kernels' tile functions. */
enum { OWR_MAX_DIMS = 12, OWR_MAX_TILE_IN = 6, OWR_MAX_FOLDS = 8 };

typedef struct owr_operand {
  int32_t in;  /* index into the call's inputs; -1: the elements a post program is applied to */
  int32_t reg; /* the register it loads */
  int32_t itemsize;
  int32_t dense;       /* has the program's shape, row-major: read in place */
  int64_t period;      /* > 0: repeats a dense block of this many elements; 1: a scalar */
  int64_t strides[12]; /* in elements, over the program's dims */
} owr_operand;

typedef struct owr_instruction {
  ow_tile_fn tile;
  const void *state;
  int32_t n_in;
  int32_t out;
  int32_t in[6];
} owr_instruction;

typedef struct owr_result {
  int32_t out; /* index into the call's outputs; -1: back into the elements a post program is applied to */
  int32_t reg;
  int32_t itemsize;
  int32_t direct; /* the instruction that makes it may write to the output at once */
} owr_result;

/* A reduction at the end of a program: `size` consecutive elements make one of the output. */
typedef struct owr_fold {
  const ow_fold *fold;
  int64_t size;    /* all elements of the program, or a divisor of its chunk */
  int64_t partial; /* of one over all elements: where in the call's scratch the chunks leave their totals */
  int32_t out, reg;
  int32_t in_itemsize, out_itemsize;
} owr_fold;

typedef struct owr_program {
  int64_t size; /* elements of the index space */
  int32_t ndim, n_operands, n_instructions, n_results, n_folds, n_regs;
  int32_t tile;  /* elements per tile */
  int64_t chunk; /* elements per chunk, a multiple of tile */
  int64_t shape[12];
  const owr_operand *operands;
  const owr_instruction *instructions;
  const owr_result *results;
  const owr_fold *folds;
} owr_program;

/* A post program and what it reads and writes besides its elements. */
typedef struct owr_post {
  ow_post post;
  const owr_program *program;
  const ow_tensor *const *in;
  const ow_tensor *const *out;
  char *scratch;
  uint64_t scratch_stride; /* from worker to worker */
} owr_post;

uint64_t owr_program_scratch(const owr_program *program);                  /* bytes per worker */
int32_t owr_program_run(const ow_call *call, int64_t first, int64_t last); /* an ow_run_fn; state is the program */
int32_t owr_program_finish(const ow_call *call);                           /* merges the totals of its folds */
int32_t owr_post_apply(const ow_post *post, void *elements, int64_t first, int64_t n, int32_t worker);

enum {
  OWR_COPY_CHUNK = 32768 /* elements in a chunk of owr_copy_run */
};

/* A dense copy of a tensor of any strides; an ow_run_fn of one input and one output. */
int32_t owr_copy_run(const ow_call *call, int64_t first, int64_t last);

/* The host table handed to libraries; with older != 0, as the core of that minor version knew it. */
const ow_host *owr_host(void);
int32_t owr_fail(void *err, int32_t code, const char *message);
void owr_set_extension(const char *name, const void *table);

/* Address space that never moves: reserve much, commit what is needed. NULL or nonzero: no memory. */
void *owr_arena_reserve(uint64_t bytes);
int32_t owr_arena_commit(void *arena, uint64_t from, uint64_t to);
void owr_arena_release(void *arena, uint64_t bytes);

/* Workers that share a parallel stage: the caller and n - 1 helpers. Set before the first parallel stage runs, or
 * later: helpers beyond the new number go idle. */
int32_t owr_workers(void);
void owr_set_workers(int32_t n);

/* cdef end */

#ifdef __cplusplus
}
#endif
#endif
