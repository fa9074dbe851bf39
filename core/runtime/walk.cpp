// How a tile program walks its elements: in as few dimensions as its operands allow, in which tiles and chunks, and how
// each operand is read.
#include <algorithm>
#include <numeric>

#include "runtime.h"

namespace {

constexpr int64_t kTile = 1024;            // elements; half as many where more than 8 registers share L1
constexpr int64_t kRowsTile = 2048;        // where tiles are rows, for which there are more calls
constexpr int64_t kLargestStep = 1 << 16;  // where tiles and folded runs meet later, chunks are cut by runs alone
constexpr int64_t kChunk = 32768;          // elements; fewer where much is done with each

struct Walk {
  owr_program &p;
  owr_operand *operands, *end;

  // Drops dimensions of size 1, and joins neighbours where every operand goes on from the one to the other.
  void collapse() const {
    int32_t n = 0;
    for (int32_t d = 0; d < p.ndim; ++d) {
      const int64_t size = p.shape[d];
      if (size == 1) continue;
      const bool joins = n > 0 && std::all_of(operands, end, [&](const owr_operand &o) {
                           return o.strides[n - 1] == o.strides[d] * size;
                         });
      if (!joins) p.shape[n++] = 1;
      p.shape[n - 1] *= size;
      for (owr_operand *o = operands; o != end; ++o) o->strides[n - 1] = o->strides[d];
    }
    if (n == 0) p.shape[n++] = 1;
    p.ndim = n;
  }

  // Whether an operand's strides are those of dense elements, each repeated `times` times, in blocks of `period` that
  // are repeated in turn.
  bool is(const owr_operand &o, int64_t times, int64_t period) const {
    int64_t step = 1;
    for (int32_t d = p.ndim - 1; d >= 0; step *= p.shape[d], --d)
      if (o.strides[d] != (step < times || step >= period ? 0 : step / times) && p.shape[d] != 1) return false;
    return true;
  }

  void classify(owr_operand &o) const {
    int64_t repeated = 1;  // how often, all in all
    for (int32_t d = 0; d < p.ndim; ++d)
      if (o.strides[d] == 0 && p.shape[d] > 1) repeated *= p.shape[d];
    const int64_t size = std::max<int64_t>(1, p.size);
    o.dense = is(o, 1, size);
    if (!o.dense && is(o, 1, size / repeated)) o.period = size / repeated;
    else if (!o.dense && is(o, repeated, size)) o.column = repeated;
  }

  // Tiles are whole rows; where there are none, they meet with the blocks that operands repeat and the runs of folds.
  void choose_tile() const {
    const int64_t most = (p.row ? kRowsTile : kTile) / (p.n_regs <= 8 ? 1 : 2);
    int64_t together = 1;
    const auto meet = [&](int64_t n) {
      if (n > 1 && n <= most) together = std::min(std::lcm(together, n), most + 1);
    };
    for (const owr_operand *o = operands; o != end; ++o) meet(o->period);
    for (int32_t k = 0; k < p.n_folds; ++k)
      if (p.folds[k].size < p.size) meet(p.folds[k].size);
    const int64_t unit = p.row ? p.row : together <= most ? together : 1;
    p.tile = static_cast<int32_t>(std::max<int64_t>(1, most / unit) * unit);
  }

  // As many chunks as two or four workers share evenly; how many there are must not change what is folded.
  void choose_chunk(int64_t work) const {
    int64_t runs = p.row ? p.row : 1;  // a run of folded elements lies within one chunk
    for (int32_t k = 0; k < p.n_folds; ++k)
      if (p.folds[k].size < p.size) runs = std::lcm(runs, p.folds[k].size);
    int64_t step = std::lcm(runs, int64_t{p.tile});
    if (step > kLargestStep) step = runs;
    const auto pieces = [&](int64_t n) { return (p.size + n - 1) / n; };
    int64_t chunks = pieces(step * std::max<int64_t>(1, kChunk / (step * std::max<int64_t>(1, work / 2))));
    chunks = chunks > 2 ? (chunks + 3) / 4 * 4 : std::max<int64_t>(1, chunks);
    p.chunk = step * std::max<int64_t>(1, pieces(step * chunks));
  }
};

}  // namespace

void owr_program_walk(owr_program *program, owr_operand *operands, int32_t work) {
  const Walk walk{*program, operands, operands + program->n_operands};
  walk.collapse();
  for (owr_operand *o = walk.operands; o != walk.end; ++o)
    if (!o->per_row) walk.classify(*o);
  walk.choose_tile();
  walk.choose_chunk(work);
}
