// onednn.hpp: oneDNN's C API with owners, and primitives that run without making anything.
//
// Primitives are made in prepare and run single-threaded inside our chunks.
#pragma once
#include <dnnl.h>

#include <algorithm>
#include <atomic>
#include <memory>

#include "opwright/kernel.hpp"

// Of libgomp, which libdnnl brings. Threads are per calling thread there, so setting them here concerns nobody else.
extern "C" {
__attribute__((weak)) void omp_set_num_threads(int);
__attribute__((weak)) int omp_get_max_threads(void);
}

namespace opwright {

struct OneThread {
  int before = omp_get_max_threads ? omp_get_max_threads() : 1;
  OneThread() {
    if (before != 1 && omp_set_num_threads) omp_set_num_threads(1);
  }
  ~OneThread() {
    if (before != 1 && omp_set_num_threads) omp_set_num_threads(before);
  }
};

// Owners of oneDNN's objects.
template <typename T, dnnl_status_t (*destroy)(T)>
struct Destroy {
  using pointer = T;
  void operator()(T t) const { destroy(t); }
};
using Description = std::unique_ptr<dnnl_memory_desc, Destroy<dnnl_memory_desc_t, dnnl_memory_desc_destroy>>;
using Recipe = std::unique_ptr<dnnl_primitive_desc, Destroy<dnnl_primitive_desc_t, dnnl_primitive_desc_destroy>>;
using Primitive = std::unique_ptr<dnnl_primitive, Destroy<dnnl_primitive_t, dnnl_primitive_destroy>>;
using Attributes = std::unique_ptr<dnnl_primitive_attr, Destroy<dnnl_primitive_attr_t, dnnl_primitive_attr_destroy>>;
using Memory = std::unique_ptr<dnnl_memory, Destroy<dnnl_memory_t, dnnl_memory_destroy>>;
using Stream = std::unique_ptr<dnnl_stream, Destroy<dnnl_stream_t, dnnl_stream_destroy>>;

inline dnnl_engine_t engine() {
  static const dnnl_engine_t made = [] {
    dnnl_engine_t e = nullptr;
    return dnnl_engine_create(&e, dnnl_cpu, 0) == dnnl_success ? e : nullptr;
  }();
  return made;
}

inline Description strided(int rank, const int64_t *dims, const int64_t *strides) {
  dnnl_memory_desc_t made = nullptr;
  dnnl_memory_desc_create_with_strides(&made, rank, dims, dnnl_f32, strides);
  return Description(made);
}

inline Description tagged(int rank, const int64_t *dims, dnnl_format_tag_t tag) {
  dnnl_memory_desc_t made = nullptr;
  dnnl_memory_desc_create_with_tag(&made, rank, dims, dnnl_f32, tag);
  return Description(made);
}

inline Description copied(const_dnnl_memory_desc_t from) {
  dnnl_memory_desc_t made = nullptr;
  if (from) dnnl_memory_desc_clone(&made, from);
  return Description(made);
}

inline bool same(const Description &a, const Description &b) { return dnnl_memory_desc_equal(a.get(), b.get()) != 0; }

inline size_t bytes_of(const Description &d) { return d ? dnnl_memory_desc_get_size(d.get()) : 0; }
inline size_t to_line(size_t bytes) { return (bytes + 63) / 64 * 64; }

// Scratch comes from the caller.
inline Attributes user_scratch() {
  dnnl_primitive_attr_t made = nullptr;
  dnnl_primitive_attr_create(&made);
  dnnl_primitive_attr_set_scratchpad_mode(made, dnnl_scratchpad_mode_user);
  return Attributes(made);
}

// A primitive, and which arguments of which descriptions it takes; its scratch, if it wants some, is the last of them.
struct Work {
  Primitive primitive;
  std::vector<int> kinds;
  std::vector<Description> descriptions;
  size_t scratch_bytes = 0;

  explicit operator bool() const { return primitive != nullptr; }

  // By a recipe, whose attributes say user_scratch(). `queries` says what describes each argument.
  bool make(const Recipe &recipe, std::vector<int> argument_kinds, const std::vector<dnnl_query_t> &queries) {
    dnnl_primitive_t made = nullptr;
    if (!recipe || dnnl_primitive_create(&made, recipe.get()) != dnnl_success) return false;
    primitive.reset(made);
    kinds = std::move(argument_kinds);
    descriptions.clear();
    for (const dnnl_query_t query : queries)
      descriptions.push_back(copied(dnnl_primitive_desc_query_md(recipe.get(), query, 0)));
    Description scratch = copied(dnnl_primitive_desc_query_md(recipe.get(), dnnl_query_scratchpad_md, 0));
    scratch_bytes = bytes_of(scratch);
    if (scratch_bytes) {
      kinds.push_back(DNNL_ARG_SCRATCHPAD);
      descriptions.push_back(std::move(scratch));
    }
    return true;
  }

  // From one layout to another.
  bool make_reorder(const Description &from, const Description &to) {
    dnnl_primitive_desc_t recipe = nullptr;
    const Attributes attributes = user_scratch();
    dnnl_reorder_primitive_desc_create(&recipe, from.get(), engine(), to.get(), engine(), attributes.get());
    return make(Recipe(recipe), {DNNL_ARG_FROM, DNNL_ARG_TO}, {dnnl_query_src_md, dnnl_query_dst_md});
  }
};

// The objects a thread needs to run a piece of work, so that a call makes none.
struct Seat {
  std::atomic<bool> taken{false};
  Stream stream;
  std::vector<Memory> memories;
  std::vector<dnnl_exec_arg_t> args;

  bool make(const Work &work) {
    dnnl_stream_t made = nullptr;
    if (dnnl_stream_create(&made, engine(), dnnl_stream_default_flags) != dnnl_success) return false;
    stream.reset(made);
    for (size_t i = 0; i < work.kinds.size(); ++i) {
      dnnl_memory_t memory = nullptr;
      dnnl_memory_create(&memory, work.descriptions[i].get(), engine(), DNNL_MEMORY_NONE);
      if (!memory) return false;
      memories.emplace_back(memory);
      args.push_back({work.kinds[i], memory});
    }
    return true;
  }

  // `data`: where each argument is, the scratch last.
  bool run(const Work &work, const void *const *data) {
    for (size_t i = 0; i < memories.size(); ++i)
      dnnl_memory_set_data_handle(memories[i].get(), const_cast<void *>(data[i]));
    return dnnl_primitive_execute(work.primitive.get(), stream.get(), static_cast<int>(args.size()), args.data()) ==
               dnnl_success &&
           dnnl_stream_wait(stream.get()) == dnnl_success;
  }
};

// Seats for some workers at each of several pieces of work.
class Seats {
 public:
  bool make(int32_t workers, std::vector<const Work *> works) {
    works_ = std::move(works);
    for (int32_t w = 0; w < workers; ++w)
      for (const Work *work : works_) {
        all_.push_back(std::make_unique<Seat>());
        if (*work && !all_.back()->make(*work)) return false;
      }
    return true;
  }

  // Runs the i-th piece of work in a worker's seat; where another call of this plan sits on it, in a new one.
  bool run(int32_t worker, size_t i, const void *const *data) const {
    const Work &work = *works_[i];
    Seat &mine = *all_[static_cast<size_t>(worker) * works_.size() + i];
    if (!mine.taken.exchange(true, std::memory_order_acquire)) {
      const bool ok = mine.run(work, data);
      mine.taken.store(false, std::memory_order_release);
      return ok;
    }
    Seat other;
    return other.make(work) && other.run(work, data);
  }

 private:
  std::vector<const Work *> works_;
  std::vector<std::unique_ptr<Seat>> all_;
};

// Runs a piece of work once.
inline bool run_once(const Work &work, const void *const *data) {
  Seat seat;
  return work && seat.make(work) && seat.run(work, data);
}

struct Aligned {
  void *data;
  explicit Aligned(size_t bytes) : data(std::aligned_alloc(64, std::max<size_t>(64, to_line(bytes)))) {}
  Aligned(Aligned &&other) noexcept : data(std::exchange(other.data, nullptr)) {}
  ~Aligned() { std::free(data); }
};

}  // namespace opwright
