// Optimizers on the CPU: the rules of adaptive.hpp.
#include "adaptive.hpp"

#include "enter.hpp"

using namespace train;

namespace {

OW_REGISTER enter<Adagrad>("apply_adagrad", "sparse_apply_adagrad");
OW_REGISTER enter<AdagradDA>("apply_adagrad_da", "sparse_apply_adagrad_da");
OW_REGISTER enter<Adadelta>("apply_adadelta", "sparse_apply_adadelta");
OW_REGISTER enter<RmsProp>("apply_rms_prop", "sparse_apply_rms_prop");
OW_REGISTER enter<CenteredRmsProp>("apply_centered_rms_prop", "sparse_apply_centered_rms_prop");
// A row without a gradient keeps moving by its momentum, as in TensorFlow.
OW_REGISTER enter<Adam, true>("apply_adam", "sparse_apply_adam");

}  // namespace
