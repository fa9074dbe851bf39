"""softplus(x): log(1 + exp(x)), without overflow for large x."""

from opwright import elementwise

softplus = elementwise("acme::softplus", "log1p(exp(-fabs(x))) + fmax(x, 0)")
