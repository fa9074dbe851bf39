// Walking plans, for nodes that run plans of their own.
#pragma once
#include "runtime.h"

namespace owr {

// Runs a plan's stages, or goes on with them after OWR_YIELD.
int32_t walk(owr_plan *plan, bool resume);

// Whether it is time to return OWR_YIELD.
bool late(const owr_plan *plan);

}  // namespace owr
