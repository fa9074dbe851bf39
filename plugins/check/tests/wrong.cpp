// Kernels that are wrong, each in one way: what `opwright check` must find.
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "opwright/kernel.hpp"

using namespace opwright;

namespace {

const float *in0(const ow_call *call) { return data<const float>(call->in[0]); }
float *out0(const ow_call *call) { return data<float>(call->out[0]); }
int64_t count(const ow_call *call) { return size(call->out[0]); }

// y = 2 x, as it should be.
void twice(const ow_call *call) {
  for (int64_t i = 0; i < count(call); ++i) out0(call)[i] = 2 * in0(call)[i];
}
int32_t right(const ow_call *call, int64_t, int64_t) { return twice(call), OW_OK; }

Kernel kernel(const char *op) { return Kernel(op, "float32->float32"); }

OW_REGISTER kernel("wrong::right").run(right);
OW_REGISTER Kernel("wrong::misfit", "float32,float32->float32").run(right);
OW_REGISTER kernel("wrong::lacking").run(right);
OW_REGISTER kernel("wrong::foreseen").run(right);
OW_REGISTER kernel("wrong::unknown").run(right);
OW_REGISTER kernel("wrong::crash").run(right);
OW_REGISTER kernel("wrong::sloppy").run(right);
OW_REGISTER kernel("wrong::unsaved").run(right);
template <typename T>
int32_t twice_of(const ow_call *call, int64_t, int64_t) {
  for (int64_t i = 0; i < count(call); ++i) data<T>(call->out[0])[i] = 2 * data<T>(call->in[0])[i];
  return int32_t{OW_OK};
}
OW_REGISTER Kernel("wrong::slope", "float64->float64").run(twice_of<double>);
OW_REGISTER Kernel("wrong::cube", "float64->float64").run([](const ow_call *call, int64_t, int64_t) {
  for (int64_t i = 0; i < count(call); ++i) {
    const double x = data<double>(call->in[0])[i];
    data<double>(call->out[0])[i] = x * x * x;
  }
  return int32_t{OW_OK};
});

OW_REGISTER Kernel("wrong::odd", "float64->float64").run(twice_of<double>);
OW_REGISTER Kernel("wrong::swollen", "float64->float64").run(twice_of<double>);
OW_REGISTER kernel("wrong::numbered").run([](const ow_call *call, int64_t, int64_t) {  // of the whole, not of a row
  for (int64_t i = 0; i < count(call); ++i) out0(call)[i] = in0(call)[i] + static_cast<float>(i);
  return int32_t{OW_OK};
});
template <typename I>
int32_t twice_by(const ow_call *call, int64_t, int64_t) {
  const I n = static_cast<I>(count(call));  // in 32 bits there is nothing left to do
  for (I i = 0; i < n; ++i) data<int8_t>(call->out[0])[i] = static_cast<int8_t>(2 * data<int8_t>(call->in[0])[i]);
  return OW_OK;
}
OW_REGISTER Kernel("wrong::small", "int8->int8").run(twice_by<int32_t>);
OW_REGISTER Kernel("wrong::vast", "int8->int8").run(twice_by<int64_t>);
OW_REGISTER kernel("wrong::lowers").run([](const ow_call *call, int64_t, int64_t) {
  twice(call);
  if (call->out[0]->ndim && call->out[0]->shape[0]) --call->out[0]->shape[0];
  return int32_t{OW_OK};
});
OW_REGISTER kernel("wrong::inexact").run([](const ow_call *call, int64_t, int64_t) {
  for (int64_t i = 0; i < count(call); ++i) out0(call)[i] = 2.001f * in0(call)[i];
  return int32_t{OW_OK};
});
OW_REGISTER kernel("wrong::nanless").run([](const ow_call *call, int64_t, int64_t) {
  for (int64_t i = 0; i < count(call); ++i) out0(call)[i] = in0(call)[i] == in0(call)[i] ? 2 * in0(call)[i] : 0;
  return int32_t{OW_OK};
});
OW_REGISTER kernel("wrong::dense").caps(OW_STRIDED).run(right);
OW_REGISTER kernel("wrong::aligned").run([](const ow_call *call, int64_t, int64_t) {
  const auto address = reinterpret_cast<uintptr_t>(in0(call));
  for (int64_t i = 0; i < count(call); ++i) out0(call)[i] = 2 * in0(call)[i] + (address % 64 ? 1 : 0);
  return int32_t{OW_OK};
});
OW_REGISTER kernel("wrong::overruns").run([](const ow_call *call, int64_t, int64_t) {
  twice(call);
  out0(call)[count(call)] = 7;
  return int32_t{OW_OK};
});
OW_REGISTER kernel("wrong::meddles").run([](const ow_call *call, int64_t, int64_t) {
  twice(call);
  if (count(call)) data<float>(call->in[0])[0] += 1;
  return int32_t{OW_OK};
});
OW_REGISTER kernel("wrong::unwritten").run([](const ow_call *call, int64_t, int64_t) {
  for (int64_t i = 0; i + 1 < count(call); ++i) out0(call)[i] = 2 * in0(call)[i];
  return int32_t{OW_OK};
});
const int8_t pair[] = {0, 0, -1};
OW_REGISTER kernel("wrong::inplace").inplace(pair).run([](const ow_call *call, int64_t, int64_t) {
  for (int64_t i = 0; i < count(call); ++i) out0(call)[i] = 2 * in0(call)[i ? i - 1 : 0];
  return int32_t{OW_OK};
});
OW_REGISTER kernel("wrong::dealt").run([](const ow_call *call, int64_t, int64_t) {
  for (int64_t i = 0; i < count(call); ++i) out0(call)[i] = 2 * in0(call)[i] + static_cast<float>(call->worker);
  return int32_t{OW_OK};
});
std::atomic<int> inside{0};
OW_REGISTER kernel("wrong::shared").run([](const ow_call *call, int64_t, int64_t) {
  const int before = inside++;
  usleep(2000);
  for (int64_t i = 0; i < count(call); ++i) out0(call)[i] = 2 * in0(call)[i] + static_cast<float>(before);
  --inside;
  return int32_t{OW_OK};
});
OW_REGISTER kernel("wrong::threaded").run([](const ow_call *call, int64_t, int64_t) {
  std::thread helper([] { usleep(20000); });
  twice(call);
  helper.join();
  return int32_t{OW_OK};
});
void twice_tile(void *out, const void *const *in, int64_t n, const void *) {
  for (int64_t i = 0; i < n; ++i) static_cast<float *>(out)[i] = 2 * static_cast<const float *>(in[0])[i];
}
OW_REGISTER kernel("wrong::scalar").tile(twice_tile).scalar("x0 * 3");
OW_REGISTER kernel("wrong::no_c").tile(twice_tile).scalar("twice(x0)");
OW_REGISTER kernel("wrong::two_forms").tile(twice_tile).run([](const ow_call *call, int64_t, int64_t) {
  for (int64_t i = 0; i < count(call); ++i) out0(call)[i] = 3 * in0(call)[i];
  return int32_t{OW_OK};
});
OW_REGISTER kernel("wrong::counts").tile([](void *out, const void *const *in, int64_t n, const void *) {
  static float calls = 0;
  calls += 1;
  for (int64_t i = 0; i < n; ++i) static_cast<float *>(out)[i] = calls * static_cast<const float *>(in[0])[i];
});
OW_REGISTER kernel("wrong::epilogue").caps(OW_POST).run([](const ow_call *call, int64_t, int64_t) {
  twice(call);
  const int64_t n = count(call) - 1;
  return call->post && n > 0 ? call->post->apply(call->post, out0(call), 0, n, call->worker) : int32_t{OW_OK};
});
OW_REGISTER kernel("wrong::throws")
    .prepare([](ow_plan *plan) {
      plan->state = new char[1 << 24];
      plan->free_state = [](void *state) { delete[] static_cast<char *>(state); };
      return int32_t{OW_OK};
    })
    .run(right);
OW_REGISTER kernel("wrong::leaks")
    .prepare([](ow_plan *plan) {
      plan->state = std::malloc(1000);
      return int32_t{OW_OK};
    })
    .run(right);
OW_REGISTER kernel("wrong::variant").variant("one").run(right);
OW_REGISTER kernel("wrong::variant").variant("two").run([](const ow_call *call, int64_t, int64_t) {
  for (int64_t i = 0; i < count(call); ++i) out0(call)[i] = 3 * in0(call)[i];
  return int32_t{OW_OK};
});
OW_REGISTER kernel("wrong::beyond").run([](const ow_call *call, int64_t, int64_t) {
  const auto later = reinterpret_cast<const unsigned char *>(call)[sizeof(ow_call)];  // a member of a later version
  for (int64_t i = 0; i < count(call); ++i) out0(call)[i] = 2 * in0(call)[i] + static_cast<float>(later);
  return int32_t{OW_OK};
});
OW_REGISTER kernel("wrong::aborts").run([](const ow_call *, int64_t, int64_t) -> int32_t { std::abort(); });
OW_REGISTER kernel("wrong::sleeps").run([](const ow_call *, int64_t, int64_t) -> int32_t {
  for (;;) usleep(1000);
});
OW_REGISTER kernel("wrong::nobody").run(right);  // no op of this name is registered

}  // namespace

OW_EXPORT void stray() {}  // a second export
