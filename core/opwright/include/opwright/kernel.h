/* opwright/kernel.h: the C line between Opwright and its kernel libraries. ABI version 1, C11 and C++17.
 *
 * A kernel library is a shared library that exports one symbol, ow_library_v1, and needs nothing of Opwright, Python,
 * CUDA's runtime or OpenMP at link time. The core opens it (RTLD_NOW | RTLD_LOCAL, never closed), calls ow_library_v1
 * once, and from the returned table takes the kernels it can use.
 *
 * THE CONTRACT
 *
 * Who allocates.  The core allocates everything a kernel reads or writes: tensors, scratch, error buffer. Nothing is
 *   owned across the line but `ow_plan.state`, which prepare() makes and free_state() frees. All pointers in a table
 *   must stay valid as long as the process lives.
 *
 * Tensors.  ow_tensor is DLPack's DLTensor, with more promised: strides are never NULL and count elements;
 *   byte_offset is 0; memory that the core allocates starts on 64 bytes, memory a user feeds on one element.
 *   A tensor with no elements may have data == NULL. Outputs are dense (row-major). Inputs are dense unless the kernel
 *   says OW_STRIDED, then any strides may come: 0 (broadcast) and negative (reversed) included.
 *   An argument declared as a list contributes one tensor per item: argument i is in[arg[i]] .. in[arg[i + 1] - 1].
 *
 * score(plan).  Optional. > 0: how well this kernel serves these shapes on this machine; the highest wins and a kernel
 *   without score counts as OW_SCORE_DEFAULT. <= 0: it cannot; say why through host->fail, `explain` prints it.
 *
 * prepare(plan).  Optional. Once per node and shape, on the thread that builds the plan. It sees final shapes, strides
 *   and attributes, and the data of inputs that never change (bit i of const_in). It may be slow: create primitives,
 *   pack constants. It fills in the members marked `out`. It may return OW_UNSUPPORTED: the next kernel is tried.
 *
 * run(call, first, last).  Does chunks [first, last) of the plan.n_chunks that prepare declared (1 if it declared
 *   none). Chunks of one call may run at the same time on several threads, and in any order; the result must not
 *   depend on how they were dealt out. It allocates nothing, locks nothing, starts no thread, keeps no state.
 *   `call->worker` is below plan.max_workers and no two threads of a call share it; worker_scratch is that worker's
 *   own. One state may be used by several calls at once, and by other nodes of the plan for which prepare would have
 *   seen the same.
 *
 * finish(call).  Optional. Once after all chunks, on one thread: combines what the workers left in scratch. Scratch is
 *   zeroed before the first chunk if the kernel says OW_ZEROED_SCRATCH, else it holds anything.
 *
 * tile(out, in, n, state).  An elementwise kernel is a loop over n elements of dense operands of the node's dtypes,
 *   `out` possibly equal to one of `in`, each pointer aligned to its element. Nothing else is needed: broadcasting,
 *   threads and fusion with neighbours, across libraries, follow from it. `state` is plan.state if the kernel has
 *   prepare, else the node's attributes (const ow_value *).
 *
 * post.  A kernel that says OW_POST must, if call->post is not NULL, call post->apply once for every element of out[0],
 *   on runs of consecutive elements it has finished and will not read or write again.
 *
 * scalar.  The tile function as one C expression over x0, x1, ... of the node's dtypes (16-bit floats as float), and
 *   a0, a1, ... for its attributes that are numbers, in declared order; with math.h's names, no statements: the source
 *   of generated GPU kernels.
 *
 * fold.  A reduction may say, in prepare, that each run of fold_size consecutive elements of its only input makes one
 *   element of its output, and how: plan.fold. Elementwise kernels before it, of any library, then run together with it,
 *   and their results are folded while in cache, never stored; so do those after it that work on the same runs, run by
 *   run. The elements come in order; totals of neighbouring parts are merged in order. Where whole runs are at hand,
 *   `rows` reduces them all at once, if there is one: what start, fold and result do for each, up to rounding.
 *
 * packing.  A kernel may want an input in an order of its own. Where the core says, in plan.reused_in, that a copy would
 *   serve more than once, prepare may ask for one in that order: plan.packing. The core then makes it once for all nodes
 *   that ask alike, keeps it from run to run if the input stays the same, and run finds it in the place of the input's
 *   data; the tensor is then one of bytes.
 *
 * Errors.  Return OW_OK or the value of host->fail(err, code, message), which copies the message; the first one wins.
 *   Never throw, print, exit, or let a signal escape.
 *
 * Growing.  Every struct starts with its size as its maker knows it: read a member only if OW_HAS says it is there.
 *   Members are only ever appended. A library that cannot do without a newer member names the feature bit in
 *   ow_library.needs: cores without it refuse the library with a sentence; all others load it.
 */
#ifndef OPWRIGHT_KERNEL_H
#define OPWRIGHT_KERNEL_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OW_ABI_MAJOR 1
#define OW_ABI_MINOR 0 /* the newest minor this header describes */

/* Is `member` inside the struct that `ptr` points to, by the size its maker gave it? */
#define OW_HAS(ptr, member) \
  ((ptr)->struct_size >= (uint32_t)((const char *)(&(ptr)->member + 1) - (const char *)(ptr)))

#if defined(_WIN32)
#define OW_EXPORT __declspec(dllexport)
#else
#define OW_EXPORT __attribute__((visibility("default")))
#endif

/* cdef begin: from here to `cdef end` the header is plain C that cffi reads. */

enum { /* status */
  OW_OK = 0,
  OW_INVALID = 1,      /* a value the op does not take: InvalidArgumentError */
  OW_OUT_OF_RANGE = 2, /* an index outside its tensor: OutOfRangeError */
  OW_UNSUPPORTED = 3,  /* from prepare or score: not these shapes; from run: UnimplementedError */
  OW_NO_MEMORY = 4,
  OW_INTERNAL = 5,
  OW_CANCELLED = 6
};

enum { /* ow_dtype.code, DLPack's numbers */
  OW_INT = 0,
  OW_UINT = 1,
  OW_FLOAT = 2,
  OW_BFLOAT = 4,
  OW_COMPLEX = 5,
  OW_BOOL = 6
};

enum { /* ow_device.type, DLPack's numbers */
  OW_CPU = 1,
  OW_CUDA = 2
};

enum { /* ow_value.kind */
  OW_NONE = 0,
  OW_ATTR_INT = 1,   /* i; also bool */
  OW_ATTR_FLOAT = 2, /* f */
  OW_ATTR_DTYPE = 3, /* dt */
  OW_ATTR_STR = 4,   /* s, UTF-8, ends with NUL; n is its length */
  OW_ATTR_INTS = 5,  /* iv[0 .. n-1]; also shapes, -1 where unknown */
  OW_ATTR_FLOATS = 6 /* fv[0 .. n-1] */
};

enum { /* ow_kernel.caps */
  OW_STRIDED = 1,         /* takes inputs of any strides */
  OW_POST = 2,            /* honours call->post */
  OW_DYNAMIC = 4,         /* may lower out[k]->shape[d] below the plan's; the data stay dense */
  OW_ZEROED_SCRATCH = 8,  /* wants scratch and worker scratch zeroed before each call */
  OW_NONDETERMINISTIC = 16,
  OW_CAPTURABLE = 32,     /* may be replayed from a CUDA graph */
  OW_FOLDS = 64           /* prepare may fill in plan.fold */
};

enum { /* ow_host.features, ow_library.needs */
  OW_FEATURE_TILE = 1,
  OW_FEATURE_POST = 2,
  OW_FEATURE_CHUNKS = 4,
  OW_FEATURE_RNG = 8,
  OW_FEATURE_FOLD = 16
};

enum { /* ow_host.cpu: what this processor and its operating system support */
  OW_CPU_AVX2 = 1,       /* AVX2, FMA, F16C, BMI2 */
  OW_CPU_AVX512 = 2,     /* AVX-512 F, BW, CD, DQ, VL */
  OW_CPU_AVX512_VNNI = 4,
  OW_CPU_AVX512_BF16 = 8,
  OW_CPU_AMX = 16,
  OW_CPU_NEON = 32,
  OW_CPU_SVE = 64
};

enum {
  OW_SCORE_DEFAULT = 100
};

typedef struct ow_dtype { /* DLDataType */
  uint8_t code, bits;
  uint16_t lanes;
} ow_dtype;

typedef struct ow_device { /* DLDevice */
  int32_t type, id;
} ow_device;

typedef struct ow_tensor { /* DLTensor */
  void *data;
  ow_device device;
  int32_t ndim;
  ow_dtype dtype;
  int64_t *shape, *strides;
  uint64_t byte_offset;
} ow_tensor;

typedef struct ow_value { /* an attribute, in the order the op's signature declares them */
  int32_t kind, n;
  union {
    int64_t i;
    double f;
    ow_dtype dt;
    const char *s;
    const int64_t *iv;
    const double *fv;
  } v;
} ow_value;

/* What the core offers a kernel. The table outlives the process's last kernel. */
typedef struct ow_host {
  uint32_t struct_size;
  uint16_t abi_major, abi_minor;
  uint64_t features;
  uint64_t cpu;
  int32_t (*fail)(void *err, int32_t code, const char *message);
  /* A table of a named optional service at least min_size bytes long, or NULL: "cuda.launch/1", ... */
  const void *(*extension)(const char *name, uint32_t min_size);
} ow_host;

/* The elementwise programs that follow a kernel. Elements are counted flat from the start of out[0]. */
typedef struct ow_post {
  uint32_t struct_size;
  int32_t reserved;
  int32_t (*apply)(const struct ow_post *post, void *elements, int64_t first, int64_t n, int32_t worker);
} ow_post;

/* Counter-based random numbers (Philox4x32-10): key = (seed, stream), counter = (run, block). */
typedef struct ow_rng {
  uint64_t seed, stream;
  uint64_t run;
} ow_rng;

/* One call of a prepared kernel. */
typedef struct ow_call {
  uint32_t struct_size;
  int32_t worker;
  const ow_host *host;
  void *err;
  const void *state;    /* what prepare made */
  const ow_value *attr; /* one per declared attribute */
  int32_t n_in, n_out;
  int64_t n_chunks;     /* of the whole call */
  const ow_tensor *const *in;
  const ow_tensor *const *out;
  void *scratch;        /* plan.scratch_bytes, shared by the call's workers; aligned to 64 */
  void *worker_scratch; /* plan.worker_scratch_bytes, this worker's */
  void *stream;         /* the device's stream (a CUstream); NULL on the CPU */
  const ow_rng *rng;    /* of ops declared random, else NULL */
  const ow_post *post;  /* NULL: nothing follows */
  const volatile int32_t *cancel; /* long chunks may look: nonzero asks to return OW_CANCELLED */
} ow_call;

typedef int32_t (*ow_run_fn)(const ow_call *call, int64_t first, int64_t last);
typedef int32_t (*ow_finish_fn)(const ow_call *call);
typedef void (*ow_tile_fn)(void *out, const void *const *in, int64_t n, const void *state);

enum {
  OW_MAX_TOTAL = 64 /* bytes of a fold's total */
};

/* A reduction as the sum it keeps. A total is OW_MAX_TOTAL bytes or less, aligned to 16. */
typedef struct ow_fold {
  uint32_t struct_size;
  int32_t total_bytes;
  void (*start)(void *total);                              /* of no elements */
  void (*fold)(void *total, const void *in, int64_t n);    /* adds n dense elements */
  void (*merge)(void *total, const void *later);           /* adds a total of the elements that follow */
  void (*result)(void *out, const void *total, int64_t n); /* one element of the output, for n elements in all */
  void (*rows)(void *out, const void *in, int64_t rows, int64_t n); /* optional: an element for each run of n elements */
} ow_fold;

/* A copy of an input in the order in which run wants to read it. */
typedef struct ow_packing {
  uint32_t struct_size;
  int32_t in;         /* which input */
  uint64_t bytes;     /* of the copy, which starts on 64 bytes */
  int64_t n_chunks;   /* into how many pieces packing may be cut */
  const char *layout; /* copies of one tensor are equal if their layouts are */
  ow_run_fn run;      /* in[0] is the input, out[0] the copy, state that of one of the nodes that ask for it */
} ow_packing;

/* A node about to be planned. */
typedef struct ow_plan {
  uint32_t struct_size;
  int32_t max_workers;
  const ow_host *host;
  void *err;
  int32_t n_in, n_out, n_arg, n_attr;
  const ow_tensor *const *in; /* data is NULL unless the bit of const_in is set */
  const ow_tensor *const *out;
  const int32_t *arg; /* n_arg + 1 offsets into in: which tensors belong to which declared argument */
  const ow_value *attr;
  uint64_t const_in;
  /* out, all zero or NULL at first: */
  void *state;
  void (*free_state)(void *state);
  uint64_t scratch_bytes, worker_scratch_bytes;
  int64_t n_chunks;        /* into how many pieces run may be cut; 0 counts as 1 */
  const int8_t *inplace;   /* pairs (in, out) that may share memory, ends with -1; also in ow_kernel */
  ow_run_fn run;           /* specialised functions; NULL: the kernel's own */
  ow_finish_fn finish;
  ow_tile_fn tile;
  double flops, bytes;     /* work of the whole call, for the scheduler and the profiler; 0: unknown */
  const ow_fold *fold;     /* of kernels that say OW_FOLDS */
  int64_t fold_size;       /* consecutive elements of in[0] that make an element of out[0] */
  const int64_t *within;   /* n_in offsets into out[0] in bytes, or -1: a dense input that may lie there already when run
                              is called; run then finds it at that address and leaves it. NULL: none may */
  uint64_t reused_in;      /* (not out) bit i: other nodes of the op read in[i] with equal attributes, or it is the same
                              from run to run */
  const ow_packing *packing; /* asks for a copy of an input whose bit is set; NULL: none */
} ow_plan;

typedef struct ow_kernel {
  uint32_t struct_size;
  uint32_t caps;
  const char *op;        /* "softmax", "acme::gelu" */
  const char *device;    /* "cpu", "cuda" */
  const char *signature; /* dtypes, one per declared argument: "float32,int32->float32"; '*' stands for any */
  const char *variant;   /* what tells it from other kernels of the op: "onednn"; may be NULL */
  const int8_t *inplace; /* as in ow_plan, when it holds for every shape; may be NULL */
  int32_t (*score)(const ow_plan *plan);
  int32_t (*prepare)(ow_plan *plan);
  ow_run_fn run; /* at least one of run and tile, unless prepare sets it */
  ow_finish_fn finish;
  ow_tile_fn tile;
  const char *scalar;
} ow_kernel;

typedef struct ow_library {
  uint32_t struct_size;
  uint16_t abi_major, abi_minor; /* of the header it was built with */
  uint64_t needs;                /* feature bits it cannot do without */
  const char *dist, *version;    /* the distribution it belongs to */
  int64_t n_kernels;
  const ow_kernel *const *kernels;
} ow_library;

/* cdef end */

/* The one symbol a library exports. NULL means: not on this machine. */
OW_EXPORT const ow_library *ow_library_v1(const ow_host *host);

/* Fail with a formatted message: return OW_FAIL(call, OW_INVALID, "depth must be positive, got %d", depth); */
#define OW_FAIL(where, code, ...) ow_failf((where)->host, (where)->err, (code), __VA_ARGS__)

#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
static inline int32_t ow_failf(const ow_host *host, void *err, int32_t code, const char *format, ...) {
  char message[512];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  return host->fail(err, code, message);
}

#ifdef __cplusplus
}
#endif
#endif
