// opwright/guarded.hpp: prepare functions that allocate as C++ does.
//
//   Kernel("matmul", "float32,float32->float32").prepare(guarded<prepare>).run(run);
#pragma once
#include <new>

#include "opwright/kernel.h"

namespace opwright {

// F, its std::bad_alloc made a status: no exception may cross the C line.
template <int32_t (*F)(ow_plan *)>
int32_t guarded(ow_plan *plan) {
  try {
    return F(plan);
  } catch (const std::bad_alloc &) {
    return plan->host->fail(plan->err, OW_NO_MEMORY, "no memory to prepare the kernel");
  }
}

}  // namespace opwright
