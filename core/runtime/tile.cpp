// Tile programs: a cluster of elementwise ops runs tile by tile, its intermediate values in registers of a few KiB that
// stay in L1. The same program serves as a stand-alone kernel, with broadcasting and chunks, and as the epilogue of a
// kernel that says OW_POST.
#include <cstring>

#include "runtime.h"

namespace {

constexpr int32_t kMaxRegs = OWR_MAX_REGS;

template <typename T>
void copy_run(void *to, const void *from, int64_t n, int64_t stride) {
  T *out = static_cast<T *>(to);
  const T *in = static_cast<const T *>(from);
  for (int64_t i = 0; i < n; ++i) out[i] = in[i * stride];
}

template <typename T>
void splat(void *to, const void *from, int64_t n) {
  T *out = static_cast<T *>(to);
  T value;
  std::memcpy(&value, from, sizeof value);
  for (int64_t i = 0; i < n; ++i) out[i] = value;
}

void fill(void *to, const void *from, int64_t n, int32_t itemsize) {
  switch (itemsize) {
    case 1:
      std::memset(to, *static_cast<const unsigned char *>(from), static_cast<size_t>(n));
      return;
    case 2:
      return splat<uint16_t>(to, from, n);
    case 4:
      return splat<uint32_t>(to, from, n);
    default:
      return splat<uint64_t>(to, from, n);
  }
}

// Elements [skip, skip + n) of what from[0], from[1], ... are if each is repeated `row` times.
template <typename T>
void spread_rows(void *to, const void *from, int64_t row, int64_t skip, int64_t n) {
  constexpr int64_t kBlock = 16 / sizeof(T);
  T *out = static_cast<T *>(to), block[kBlock];
  for (const T *in = static_cast<const T *>(from); n > 0; ++in, skip = 0) {
    const int64_t some = row - skip < n ? row - skip : n;
    if (some < kBlock) {
      for (int64_t j = 0; j < some; ++j) out[j] = *in;
    } else {
      for (T &one : block) one = *in;
      for (int64_t j = 0; j + kBlock < some; j += kBlock) std::memcpy(out + j, block, sizeof block);
      std::memcpy(out + some - kBlock, block, sizeof block);
    }
    out += some;
    n -= some;
  }
}

void spread(void *to, const void *from, int64_t row, int64_t skip, int64_t n, int32_t itemsize) {
  switch (itemsize) {
    case 1:
      return spread_rows<uint8_t>(to, from, row, skip, n);
    case 2:
      return spread_rows<uint16_t>(to, from, row, skip, n);
    case 4:
      return spread_rows<uint32_t>(to, from, row, skip, n);
    default:
      return spread_rows<uint64_t>(to, from, row, skip, n);
  }
}

void copy(void *to, const void *from, int64_t n, int64_t stride, int32_t itemsize) {
  if (stride == 1) {
    std::memcpy(to, from, static_cast<size_t>(n * itemsize));
  } else if (stride == 0) {
    fill(to, from, n, itemsize);
  } else {
    switch (itemsize) {
      case 1:
        return copy_run<uint8_t>(to, from, n, stride);
      case 2:
        return copy_run<uint16_t>(to, from, n, stride);
      case 4:
        return copy_run<uint32_t>(to, from, n, stride);
      default:
        return copy_run<uint64_t>(to, from, n, stride);
    }
  }
}

// Elements [first, first + n) of a strided tensor, flattened row-major, to consecutive memory.
void gather(void *to, const void *base, int64_t first, int64_t n, int32_t ndim, const int64_t *shape,
            const int64_t *strides, int32_t itemsize) {
  char *out = static_cast<char *>(to);
  const char *data = static_cast<const char *>(base);
  int64_t index[OWR_MAX_DIMS], offset = 0;
  for (int32_t d = ndim - 1; d >= 0; --d) {
    index[d] = first % shape[d];
    first /= shape[d];
    offset += index[d] * strides[d];
  }
  const int32_t inner = ndim - 1;
  while (n > 0) {
    const int64_t run = shape[inner] - index[inner] < n ? shape[inner] - index[inner] : n;
    copy(out, data + offset * itemsize, run, strides[inner], itemsize);
    out += run * itemsize;
    n -= run;
    offset -= index[inner] * strides[inner];
    index[inner] = 0;
    for (int32_t d = inner - 1; d >= 0; --d) {
      offset += strides[d];
      if (++index[d] < shape[d]) break;
      offset -= strides[d] * shape[d];
      index[d] = 0;
    }
  }
}

// `runs` times `size` elements, each to an element of the output.
void fold_runs(const ow_fold &fold, char *out, const char *in, int64_t runs, int64_t size, int32_t in_itemsize,
               int32_t out_itemsize) {
  if (OW_HAS(&fold, rows) && fold.rows) return fold.rows(out, in, runs, size);
  alignas(16) char total[OW_MAX_TOTAL];
  for (; runs > 0; --runs, in += size * in_itemsize, out += out_itemsize) {
    fold.start(total);
    fold.fold(total, in, size);
    fold.result(out, total, size);
  }
}

// Registers a power of two apart would all fall on a few cache sets.
int64_t register_bytes(const owr_program &p, int64_t elements) { return (p.width * elements + 63) / 64 * 64 + 320; }

// One worker's walk through a program. Registers are buffers of one tile each, or point straight into tensors.
class Machine {
 public:
  // For elements [first, first + n).
  Machine(const owr_program &program, const ow_tensor *const *in, const ow_tensor *const *out, char *scratch,
          int64_t first, int64_t n)
      : p_(program), in_(in), out_(out) {
    const int64_t bytes = register_bytes(p_, p_.tile);
    for (int32_t r = 0; r < p_.n_regs; ++r, scratch += bytes) buffer_[r] = reg_[r] = scratch;
    for (int32_t r = 1; r <= p_.n_row_regs; ++r, scratch += register_bytes(p_, p_.tile / p_.row))
      buffer_[kMaxRegs - r] = reg_[kMaxRegs - r] = scratch;
    for (int32_t k = 0; k < p_.n_operands; ++k) pattern_[k] = load_pattern(p_.operands[k], first, n);
  }

  // Elements [first, first + n), n at most a tile. `elements` are what a post program works on, else NULL.
  void tile(void *elements, int64_t first, int64_t n) {
    for (int32_t k = 0; k < p_.n_operands; ++k)
      if (!(pattern_[k] && pattern_fits(p_.operands[k], first))) load(p_.operands[k], elements, first, n);
    for (int32_t k = 0; k < p_.n_results; ++k) target_[k] = result(p_.results[k], elements, first);
    if (p_.row)
      for (int32_t k = 0; k < p_.n_instructions; ++k) step_over_rows(p_.instructions[k], n);
    else
      for (int32_t k = 0; k < p_.n_instructions; ++k) step(p_.instructions[k], n);
    for (int32_t k = 0; k < p_.n_results; ++k) {
      const owr_result &r = p_.results[k];
      const int64_t count = r.per_row ? n / p_.row : n;
      if (reg_[r.reg] != target_[k]) std::memcpy(target_[k], reg_[r.reg], static_cast<size_t>(count * r.itemsize));
    }
    for (int32_t k = 0; k < p_.n_folds; ++k) fold(p_.folds[k], totals_[k], first, n);
  }

  // Around a chunk: the totals of folds over all elements.
  void begin_chunk() {
    for (int32_t k = 0; k < p_.n_folds; ++k)
      if (p_.folds[k].size == p_.size) p_.folds[k].fold->start(totals_[k]);
  }
  void end_chunk(char *scratch, int64_t chunk) {
    for (int32_t k = 0; k < p_.n_folds; ++k)
      if (p_.folds[k].size == p_.size)
        std::memcpy(scratch + p_.folds[k].partial + chunk * OW_MAX_TOTAL, totals_[k], sizeof totals_[k]);
  }

 private:
  void step(const owr_instruction &i, int64_t n) {
    const void *in[OWR_MAX_TILE_IN];
    for (int32_t a = 0; a < i.n_in; ++a) in[a] = reg_[i.in[a]];
    i.tile(reg_[i.out], in, n, i.state);
  }

  void step_over_rows(const owr_instruction &i, int64_t n) {
    switch (i.what) {
      case OWR_TILE:
        return step(i, n);
      case OWR_ROW:
        return step(i, n / p_.row);
      case OWR_FOLD:
        return fold_runs(*i.fold, reg_[i.out], reg_[i.in[0]], n / p_.row, p_.row, i.in_itemsize, i.out_itemsize);
      default:
        return spread(reg_[i.out], reg_[i.in[0]], p_.row, 0, n, i.out_itemsize);
    }
  }

  void fold(const owr_fold &f, char *total, int64_t first, int64_t n) {
    const char *in = reg_[f.reg];
    if (f.size == p_.size) return f.fold->fold(total, in, n);
    char *to = static_cast<char *>(out_[f.out]->data);
    for (int64_t some; n > 0; first += some, n -= some, in += some * f.in_itemsize) {
      const int64_t at = first % f.size;
      char *out = to + first / f.size * f.out_itemsize;
      if (at == 0 && n >= f.size) {
        some = n / f.size * f.size;
        fold_runs(*f.fold, out, in, n / f.size, f.size, f.in_itemsize, f.out_itemsize);
        continue;
      }
      some = f.size - at < n ? f.size - at : n;
      if (at == 0) f.fold->start(total);
      f.fold->fold(total, in, some);
      if (at + some == f.size) f.fold->result(out, total, f.size);
    }
  }

  static bool pattern_fits(const owr_operand &o, int64_t first) { return o.period == 1 || first % o.period == 0; }

  // Operands that repeat a short block are laid out over a whole tile once, unless they can be read where they are.
  bool load_pattern(const owr_operand &o, int64_t first, int64_t n) {
    if (o.period <= 0 || o.period > p_.tile || p_.tile % o.period) return false;
    if (o.period > 1 && first % o.period + n <= o.period) return false;
    const void *data = in_[o.in]->data;
    const int64_t extent = (n < p_.tile ? n : p_.tile) / (o.per_row ? p_.row : 1);
    if (o.period == 1) {
      fill(buffer_[o.reg], data, extent, o.itemsize);
    } else {
      const size_t block = static_cast<size_t>(o.period * o.itemsize);
      for (char *to = buffer_[o.reg], *end = to + extent * o.itemsize; to < end; to += block)
        std::memcpy(to, data, block);
    }
    reg_[o.reg] = buffer_[o.reg];
    return true;
  }

  void load(const owr_operand &o, void *elements, int64_t first, int64_t n) {
    if (o.in < 0) {
      reg_[o.reg] = static_cast<char *>(elements);
      return;
    }
    char *data = static_cast<char *>(in_[o.in]->data);
    if (o.per_row) {
      reg_[o.reg] = data + first / p_.row * o.itemsize;
    } else if (o.column > 0) {
      spread(buffer_[o.reg], data + first / o.column * o.itemsize, o.column, first % o.column, n, o.itemsize);
      reg_[o.reg] = buffer_[o.reg];
    } else if (o.dense) {
      reg_[o.reg] = data + first * o.itemsize;
    } else if (o.period > 0 && first % o.period + n <= o.period) {
      reg_[o.reg] = data + first % o.period * o.itemsize;
    } else {
      // A pattern in the buffer is overwritten here, so it is laid out anew when it next fits.
      gather(buffer_[o.reg], data, first, n, p_.ndim, p_.shape, o.strides, o.itemsize);
      reg_[o.reg] = buffer_[o.reg];
      pattern_[&o - p_.operands] = false;
    }
  }

  // Where a result goes. The instruction that makes it writes there directly unless a later one reuses its register.
  char *result(const owr_result &r, void *elements, int64_t first) {
    const int64_t at = r.per_row ? first / p_.row : first;
    char *to = static_cast<char *>(r.out < 0 ? elements : static_cast<char *>(out_[r.out]->data) + at * r.itemsize);
    if (r.direct) reg_[r.reg] = to;
    return to;
  }

  const owr_program &p_;
  const ow_tensor *const *in_;
  const ow_tensor *const *out_;
  char *buffer_[kMaxRegs];
  char *reg_[kMaxRegs];
  char *target_[kMaxRegs];
  bool pattern_[kMaxRegs];
  alignas(16) char totals_[OWR_MAX_FOLDS][OW_MAX_TOTAL];
};

void run_range(Machine &machine, const owr_program &p, char *elements, int64_t itemsize, int64_t first, int64_t last) {
  for (int64_t at = first; at < last; at += p.tile) {
    const int64_t n = last - at < p.tile ? last - at : p.tile;
    machine.tile(elements ? elements + (at - first) * itemsize : nullptr, at, n);
  }
}

}  // namespace

uint64_t owr_program_scratch(const owr_program *program) {
  const int64_t rows = program->row ? program->tile / program->row : 0;
  return static_cast<uint64_t>(register_bytes(*program, program->tile) * program->n_regs +
                               register_bytes(*program, rows) * program->n_row_regs);
}

int32_t owr_program_run(const ow_call *call, int64_t first, int64_t last) {
  const owr_program &p = *static_cast<const owr_program *>(call->state);
  const int64_t end = last * p.chunk < p.size ? last * p.chunk : p.size;
  if (first * p.chunk >= end) return OW_OK;  // no elements
  Machine machine(p, call->in, call->out, static_cast<char *>(call->worker_scratch), first * p.chunk,
                  end - first * p.chunk);
  if (p.n_folds == 0) {
    run_range(machine, p, nullptr, 0, first * p.chunk, end);
    return OW_OK;
  }
  for (int64_t c = first; c * p.chunk < end; ++c) {
    machine.begin_chunk();
    run_range(machine, p, nullptr, 0, c * p.chunk, (c + 1) * p.chunk < end ? (c + 1) * p.chunk : end);
    machine.end_chunk(static_cast<char *>(call->scratch), c);
  }
  return OW_OK;
}

int32_t owr_program_run_one(const ow_call *call, int64_t, int64_t) {
  const owr_program &p = *static_cast<const owr_program *>(call->state);
  alignas(8) char buffer[kMaxRegs][8];
  char *reg[kMaxRegs], *home[kMaxRegs];
  for (int32_t r = 0; r < p.n_regs; ++r) home[r] = buffer[r];
  for (int32_t k = 0; k < p.n_results; ++k)
    if (p.results[k].direct) home[p.results[k].reg] = static_cast<char *>(call->out[p.results[k].out]->data);
  for (int32_t k = 0; k < p.n_operands; ++k)
    reg[p.operands[k].reg] = static_cast<char *>(call->in[p.operands[k].in]->data);
  for (const owr_instruction *i = p.instructions, *end = i + p.n_instructions; i != end; ++i) {
    const void *in[OWR_MAX_TILE_IN];
    for (int32_t a = 0; a < i->n_in; ++a) in[a] = reg[i->in[a]];
    reg[i->out] = home[i->out];  // a register that held an operand may serve again
    i->tile(reg[i->out], in, 1, i->state);
  }
  for (int32_t k = 0; k < p.n_results; ++k) {
    const owr_result &r = p.results[k];
    if (!r.direct) std::memcpy(call->out[r.out]->data, reg[r.reg], static_cast<size_t>(r.itemsize));
  }
  return OW_OK;
}

int32_t owr_program_finish(const ow_call *call) {
  const owr_program &p = *static_cast<const owr_program *>(call->state);
  for (int32_t k = 0; k < p.n_folds; ++k) {
    const owr_fold &f = p.folds[k];
    if (f.size != p.size) continue;
    char *totals = static_cast<char *>(call->scratch) + f.partial;
    for (int64_t c = 1; c < call->n_chunks; ++c) f.fold->merge(totals, totals + c * OW_MAX_TOTAL);
    f.fold->result(call->out[f.out]->data, totals, p.size);
  }
  return OW_OK;
}

int32_t owr_post_apply(const ow_post *post, void *elements, int64_t first, int64_t n, int32_t worker) {
  const owr_post &mine = *reinterpret_cast<const owr_post *>(post);
  const owr_program &p = *mine.program;
  int64_t itemsize = 0;
  for (int32_t k = 0; k < p.n_operands; ++k)
    if (p.operands[k].in < 0) itemsize = p.operands[k].itemsize;
  Machine machine(p, mine.in, mine.out, mine.scratch + mine.scratch_stride * static_cast<uint64_t>(worker), first, n);
  run_range(machine, p, static_cast<char *>(elements), itemsize, first, first + n);
  return OW_OK;
}

int32_t owr_copy_run(const ow_call *call, int64_t first, int64_t last) {
  const ow_tensor &from = *call->in[0], &to = *call->out[0];
  int64_t size = 1;
  for (int32_t d = 0; d < from.ndim; ++d) size *= from.shape[d];
  const int32_t itemsize = (to.dtype.bits + 7) / 8;
  const int64_t begin = first * int64_t{OWR_COPY_CHUNK},
                end = last * int64_t{OWR_COPY_CHUNK} < size ? last * int64_t{OWR_COPY_CHUNK} : size;
  if (begin >= end) return OW_OK;
  static const int64_t one = 1;
  const bool scalar = from.ndim == 0;
  gather(static_cast<char *>(to.data) + begin * itemsize, from.data, begin, end - begin, scalar ? 1 : from.ndim,
         scalar ? &one : from.shape, scalar ? &one : from.strides, itemsize);
  return OW_OK;
}
