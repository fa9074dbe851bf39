// Optimizers on the CPU: the rules of ftrl.hpp.
#include "ftrl.hpp"

#include "enter.hpp"

using namespace train;

namespace {

OW_REGISTER enter<Root>("apply_ftrl", "sparse_apply_ftrl");
OW_REGISTER enter<Power>("apply_ftrl_power", "sparse_apply_ftrl_power");

}  // namespace
