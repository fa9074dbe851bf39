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
  int32_t wake; /* worth waking sleeping helpers for; a serial one wakes them for what follows */
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

/* A plan that a node of another one runs (a branch, a loop's body) has that other one's root, and only the root's
 * members below the line are used. */
typedef struct owr_plan {
  int32_t n_stages, n_randoms;
  int32_t max_workers; /* scratch is laid out for so many; further helpers stay away */
  int32_t nested;      /* some node runs plans of its own */
  owr_node *nodes;
  owr_stage *stages;
  owr_random *randoms;
  int32_t stage; /* where to go on: stage, and its next node or chunk */
  int64_t next;
  int64_t end;           /* of a parallel stage that has begun: chunks from here on are done */
  struct owr_plan *root; /* itself, or the plan that owr_run was called with */
  /* -- of the root -- */
  int32_t n_kept;       /* the first stages, whose results stay right until a step of the session writes variables */
  int32_t writes;       /* this one does */
  uint64_t *changes;    /* how often that was begun or done; shared by the session's plans. NULL: nobody asks */
  uint64_t found, kept; /* its value as this run began, and as the kept stages last did */
  int64_t yield_ns;     /* return OWR_YIELD after about this long */
  int64_t deadline;     /* when that will be */
  uint64_t epoch;       /* counts the runs, so that what an abandoned one left behind is known as such */
  volatile int32_t cancel;
  owr_trace *trace; /* of this run; NULL: none */
  owr_error err;
} owr_plan;

int32_t owr_run(owr_plan *plan, int32_t resume);

/* Runs a plan `left[0]` times, counting down; left[1] says whether the first goes on where it yielded. */
int32_t owr_repeat(owr_plan *plan, int64_t left[2]);
void owr_cancel(owr_plan *plan);

/* Runs that start from now on leave their spans in `trace`; NULL: no more. It must outlive the runs that began with it.
 */
void owr_set_trace(owr_trace *trace);

/* The most float32 operations a second that one core did within `budget` seconds of multiply-adds. */
double owr_peak_flops(double budget);
/* Control flow: nodes that run plans of their own. An owr_patch gives a tensor of such a plan its memory. */
enum {                  /* owr_patch.what; `index` says which */
       OWR_INPUT = 0,   /* an input of the node */
       OWR_OUTPUT = 1,  /* an output of the node */
       OWR_STATE = 2,   /* a loop's state as it is */
       OWR_NEXT = 3,    /* and where it will be after the iteration */
       OWR_ROW_IN = 4,  /* this iteration's row of an input */
       OWR_ROW_OUT = 5, /* and of an output */
       OWR_TEST = 6     /* the loop's condition */
};

typedef struct owr_patch {
  ow_tensor *tensor;
  int64_t offset; /* bytes */
  int64_t stride; /* of rows: bytes from one to the next */
  int32_t what, index;
} owr_patch;

typedef struct owr_part {
  owr_plan *plan; /* NULL: a loop without a condition */
  int32_t n_once, n_each;
  const owr_patch *once; /* set when the node starts */
  const owr_patch *each; /* set before each iteration */
} owr_part;

/* The state of owr_branch_run. in[0] is a bool or an int: the number of the part to run, the last one if there is
 * none of that number. */
typedef struct owr_branches {
  owr_part *parts;
  int32_t n;
  int32_t running; /* the part that has yielded, or -1 */
  uint64_t epoch;
} owr_branches;

/* What a loop carries on. It goes to and fro between an output's memory and another one, or stays there: in place. */
typedef struct owr_state {
  int32_t in, out; /* the node's input it starts from, the output it ends in */
  int32_t in_place;
  int32_t now; /* which memory holds it */
  int64_t nbytes;
  char *memory[2];
} owr_state;

typedef struct owr_rows { /* an output that gets a row in each iteration; those never reached are zero */
  int32_t out;
  int64_t stride;
} owr_rows;

/* The state of owr_loop_run. in[0] is an int64: how many iterations there may be. The last output, an int64, tells how
 * many there were. */
typedef struct owr_loop {
  owr_part condition, body;
  owr_state *states;
  const owr_rows *rows;
  int32_t n_states, n_rows;
  int32_t reverse; /* rows from the last to the first */
  int32_t running; /* it has yielded, */
  int32_t in_body; /* in its body or in its condition, */
  int32_t inside;  /* which has yielded too */
  uint8_t test;    /* what the condition has found */
  int64_t length;  /* of the rows; -1: there are none */
  int64_t limit, iteration;
  uint64_t epoch;
} owr_loop;

int32_t owr_branch_run(const ow_call *call, int64_t first, int64_t last); /* ow_run_fns; the state is changed */
int32_t owr_loop_run(const ow_call *call, int64_t first, int64_t last);

/* Tile programs: elementwise clusters run tile by tile in L1 from the kernels' tile functions. */
enum { OWR_MAX_DIMS = 12, OWR_MAX_TILE_IN = 6, OWR_MAX_FOLDS = 8, OWR_MAX_REGS = 256 };

typedef struct owr_operand {
  int32_t in;  /* index into the call's inputs; -1: the elements a post program is applied to */
  int32_t reg; /* the register it loads */
  int32_t itemsize;
  int32_t dense;       /* has the program's shape, row-major: read in place */
  int32_t per_row;     /* a number for each row, dense or a scalar */
  int64_t period;      /* > 0: repeats a dense block of this many elements; 1: a scalar */
  int64_t column;      /* > 0: dense elements, each of them repeated so often */
  int64_t strides[12]; /* in elements, over the program's dims */
} owr_operand;

enum {                /* owr_instruction.what */
       OWR_TILE = 0,  /* a tile function over the elements */
       OWR_ROW = 1,   /* over the numbers of rows */
       OWR_FOLD = 2,  /* from elements to numbers of rows */
       OWR_SPREAD = 3 /* and back: each row's number all over its row */
};

typedef struct owr_instruction {
  ow_tile_fn tile;
  const void *state;
  const ow_fold *fold;
  int32_t what;
  int32_t n_in;
  int32_t out;
  int32_t in[6];
  int32_t in_itemsize, out_itemsize; /* of OWR_FOLD and OWR_SPREAD */
} owr_instruction;

typedef struct owr_result {
  int32_t out; /* index into the call's outputs; -1: back into the elements a post program is applied to */
  int32_t reg;
  int32_t itemsize;
  int32_t direct;  /* the instruction that makes it may write to the output at once */
  int32_t per_row; /* a number for each row */
} owr_result;

/* A reduction at the end of a program: `size` consecutive elements make one of the output. */
typedef struct owr_fold {
  const ow_fold *fold;
  int64_t size;    /* all elements of the program, or a divisor of its chunk */
  int64_t partial; /* of one over all elements: where in the call's scratch the chunks leave their totals */
  int32_t out, reg;
  int32_t in_itemsize, out_itemsize;
} owr_fold;

/* The first n_regs registers hold a tile's elements, the last n_row_regs a number for each row of it. */
typedef struct owr_program {
  int64_t size; /* elements of the index space */
  int32_t ndim, n_operands, n_instructions, n_results, n_folds, n_regs, n_row_regs;
  int32_t width; /* bytes that registers have for an element */
  int32_t tile;  /* elements per tile; whole rows */
  int64_t row;   /* elements per row; 0: there are no rows */
  int64_t chunk; /* elements per chunk, whole tiles or rows */
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

/* Once the operands' strides over all of the program's dims, its rows, registers and folds are known: makes the dims
 * few, says how operands are read, chooses tile and chunk. `work` is about how many instructions there are. */
void owr_program_walk(owr_program *program, owr_operand *operands, int32_t work);
uint64_t owr_program_scratch(const owr_program *program);                      /* bytes per worker */
int32_t owr_program_run(const ow_call *call, int64_t first, int64_t last);     /* an ow_run_fn; state is the program */
int32_t owr_program_run_one(const ow_call *call, int64_t first, int64_t last); /* for one element and no folds */
int32_t owr_program_finish(const ow_call *call);                               /* merges the totals of its folds */
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
