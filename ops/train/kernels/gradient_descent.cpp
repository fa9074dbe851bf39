// Optimizers on the CPU: the rules of gradient_descent.hpp.
#include "gradient_descent.hpp"

#include "enter.hpp"

using namespace train;

namespace {

OW_REGISTER enter<GradientDescent>("apply_gradient_descent", "sparse_apply_gradient_descent");
OW_REGISTER enter<Momentum>("apply_momentum", "sparse_apply_momentum");
OW_REGISTER enter<Nesterov>("apply_nesterov_momentum", "sparse_apply_nesterov_momentum");
OW_REGISTER enter<ProximalGradientDescent>("apply_proximal_gradient_descent", "sparse_apply_proximal_gradient_descent");
OW_REGISTER enter<ProximalAdagrad>("apply_proximal_adagrad", "sparse_apply_proximal_adagrad");

}  // namespace
