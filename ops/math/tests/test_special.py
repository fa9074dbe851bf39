"""Special functions against SciPy, over wide ranges; their gradients."""

import numpy as np
import opwright as ow
import pytest
import scipy.special as sp
from opwright.testing import case, check_op

DTYPES = ("float32", "float64", "float16", "bfloat16")

# op -> SciPy's function, the interval for gradients
FUNCTIONS = {
    "erf": (sp.erf, (-2, 2)),
    "erfc": (sp.erfc, (-2, 2)),
    "erfinv": (sp.erfinv, (-0.8, 0.8)),
    "erfcinv": (sp.erfcinv, (0.2, 1.8)),
    "ndtr": (sp.ndtr, (-2, 2)),
    "ndtri": (sp.ndtri, (0.1, 0.9)),
    "lgamma": (sp.gammaln, (0.5, 4)),
    "digamma": (sp.psi, (0.5, 4)),
    "bessel_i0": (sp.i0, (-3, 3)),
    "bessel_i0e": (sp.i0e, (0.5, 3)),
    "bessel_i1": (sp.i1, (-3, 3)),
    "bessel_i1e": (sp.i1e, (0.5, 3)),
    "bessel_j0": (sp.j0, (-3, 3)),
    "bessel_j1": (sp.j1, (-3, 3)),
    "bessel_k0": (sp.k0, (0.5, 3)),
    "bessel_k0e": (sp.k0e, (0.5, 3)),
    "bessel_k1": (sp.k1, (0.5, 3)),
    "bessel_k1e": (sp.k1e, (0.5, 3)),
    "bessel_y0": (sp.y0, (0.5, 3)),
    "bessel_y1": (sp.y1, (0.5, 3)),
    "dawsn": (sp.dawsn, (-2, 2)),
    "expint": (sp.expi, (0.5, 2)),
    "spence": (sp.spence, (0.2, 3)),
    "fresnel_cos": (lambda x: sp.fresnel(x)[1], (-2, 2)),
    "fresnel_sin": (lambda x: sp.fresnel(x)[0], (-2, 2)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_gradients(name, rng):
    function, (low, high) = FUNCTIONS[name]
    cases = [case(rng.uniform(low, high, (3, 4))), case(rng.uniform(low, high, (0, 2)))]
    check_op(getattr(ow, name), cases, function, dtypes=DTYPES)


def _powers(low, high):
    return lambda rng: 10 ** rng.uniform(low, high, 2000)


def _even(low, high):
    return lambda rng: rng.uniform(low, high, 2000)


# op, SciPy's function, where, absolute error near a zero of the function
WIDE = [
    ("erf", sp.erf, _even(-6, 6), 0),
    ("erfc", sp.erfc, _even(-6, 26), 0),
    ("erfinv", sp.erfinv, _even(-1, 1), 0),
    ("erfinv", sp.erfinv, lambda rng: 1 - 10 ** rng.uniform(-16, 0, 2000), 0),
    ("erfinv", sp.erfinv, _powers(-30, -1), 0),
    ("ndtri", sp.ndtri, _powers(-300, 0), 0),
    ("ndtri", sp.ndtri, _even(0, 1), 0),
    ("ndtr", sp.ndtr, _even(-37, 8), 0),
    ("lgamma", sp.gammaln, _even(-20, 50), 1e-14),
    ("lgamma", sp.gammaln, _powers(-10, 10), 1e-14),
    ("digamma", sp.psi, _even(-20, 50), 1e-13),
    ("digamma", sp.psi, _powers(-10, 10), 1e-14),
    ("bessel_i0", sp.i0, _even(-60, 60), 0),
    ("bessel_i1", sp.i1, _even(-60, 60), 0),
    ("bessel_i0e", sp.i0e, _powers(-10, 10), 0),
    ("bessel_i1e", sp.i1e, _powers(-10, 10), 0),
    ("bessel_k0", sp.k0, _powers(-10, 2.8), 0),
    ("bessel_k1", sp.k1, _powers(-10, 2.8), 0),
    ("bessel_k0e", sp.k0e, _powers(-10, 8), 0),
    ("bessel_k1e", sp.k1e, _powers(-10, 8), 0),
    ("bessel_j0", sp.j0, _even(-60, 60), 1e-14),
    ("bessel_j1", sp.j1, _even(-60, 60), 1e-14),
    ("bessel_y0", sp.y0, _powers(-10, 2), 1e-14),
    ("bessel_y1", sp.y1, _powers(-10, 2), 1e-14),
    ("dawsn", sp.dawsn, _powers(-10, 10), 0),
    ("expint", sp.expi, _even(-50, 300), 1e-15),
    ("spence", sp.spence, _powers(-10, 10), 1e-15),
    ("fresnel_cos", lambda x: sp.fresnel(x)[1], _even(-30, 30), 0),
    ("fresnel_sin", lambda x: sp.fresnel(x)[0], _powers(-5, 3), 0),
]


@pytest.mark.parametrize(("name", "reference", "where", "floor"), WIDE, ids=[f"{w[0]}{i}" for i, w in enumerate(WIDE)])
def test_wide_ranges(name, reference, where, floor, rng):
    x = where(rng)
    want = reference(x)
    np.testing.assert_allclose(np.asarray(getattr(ow, name)(ow.constant(x))), want, rtol=1e-12, atol=floor)
    # float32 is computed in double but for erf and erfc, whose C functions are right to a unit in the last place or two.
    single = x[(x == 0) | (np.abs(x) > 1e-37)].astype(np.float32)
    with np.errstate(over="ignore"):
        want = reference(single.astype(np.float64)).astype(np.float32)
    found = np.asarray(getattr(ow, name)(ow.constant(single)))
    np.testing.assert_allclose(found, want, rtol=5e-7, atol=1e-37 + 1e-7 * (name[-2:] == "nv"))


PAIRS = {
    "polygamma": (lambda n, x: sp.polygamma(n.astype(int), x), lambda r: r.integers(0, 9, 2000) * 1.0, _powers(-3, 3)),
    "zeta": (sp.zeta, lambda r: 1 + 10 ** r.uniform(-3, 2, 2000), _powers(-2, 2)),
    "igamma": (sp.gammainc, _powers(-3, 2.5), _powers(-3, 2.5)),
    "igammac": (sp.gammaincc, _powers(-3, 2.5), _powers(-3, 2.5)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_wide_ranges_of_two(name, rng):
    reference, of_a, of_x = PAIRS[name]
    a, x = of_a(rng), of_x(rng)
    want = reference(a, x)
    # Zeros of digamma; values below 1e-200, where SciPy itself errs by 1e-12.
    floor = 1e-14 if name == "polygamma" else 1e-200
    np.testing.assert_allclose(
        np.asarray(getattr(ow, name)(ow.constant(a), ow.constant(x))), want, rtol=1e-12, atol=floor
    )


def test_incomplete_gamma_where_both_arguments_are_large(rng):
    # P(a, a) = 1/2 + 1 / (3 sqrt(2 pi a)) (1 + 1 / (180 a) + ...), from DLMF 8.11.12.
    a = np.array([1e5, 1e6, 1e7, 1e8, 1e12])
    p, q = np.asarray(ow.igamma(ow.constant(a), ow.constant(a))), np.asarray(ow.igammac(ow.constant(a), ow.constant(a)))
    np.testing.assert_allclose(p, 0.5 + 1 / (3 * np.sqrt(2 * np.pi * a)) * (1 + 1 / (180 * a)), rtol=1e-9)
    np.testing.assert_allclose(p + q, 1, rtol=1e-14)
    np.testing.assert_allclose(
        np.asarray(ow.igamma(ow.constant(999999.0, "float64"), 998000.0)), sp.gammainc(999999.0, 998000.0), rtol=1e-10
    )
    np.testing.assert_allclose(
        np.asarray(ow.igamma(ow.constant(1000001.0, "float64"), 998000.0)), sp.gammainc(1000001.0, 998000.0), rtol=1e-10
    )


def test_incomplete_beta(rng):
    a, b = 10 ** rng.uniform(-2, 2, (2, 2000))
    x = rng.uniform(0, 1, 2000)
    found = np.asarray(ow.betainc(*(ow.constant(v) for v in (a, b, x))))
    np.testing.assert_allclose(found, sp.betainc(a, b, x), rtol=1e-12, atol=1e-200)
    a, b = 10 ** rng.uniform(1, 5, (2, 2000))
    mean = a / (a + b)
    x = np.clip(mean + rng.uniform(-4, 4, 2000) * np.sqrt(mean * (1 - mean) / (a + b)), 1e-6, 1 - 1e-6)
    found = np.asarray(ow.betainc(*(ow.constant(v) for v in (a, b, x))))
    np.testing.assert_allclose(found, sp.betainc(a, b, x), rtol=2e-12, atol=1e-200)


def test_polygamma_left_of_zero(rng):
    x = -rng.uniform(0, 20, 300)
    for n in (1.0, 2.0, 5.0):
        found = np.asarray(ow.polygamma(ow.constant(n, "float64"), ow.constant(x)))
        np.testing.assert_allclose(found, sp.polygamma(int(n), x), rtol=1e-10, atol=1e-10)
    assert np.isfinite(
        np.asarray(ow.polygamma(ow.constant(1.0, "float64"), -1e12 - 0.5))
    )  # without a loop of that length


def test_gradients_of_two(rng):
    a, x = rng.uniform(1, 3, (2, 2, 3))
    # No gradient to the first argument, as in TensorFlow: fed as a constant.
    order = ow.constant(np.array([[1.0], [2.0]]))
    check_op(lambda t: ow.polygamma(ow.cast(order, t.dtype), t), [case(x)], lambda t: sp.polygamma([[1], [2]], t))
    check_op(lambda t: ow.zeta(ow.cast(order + 1.5, t.dtype), t), [case(x)], lambda t: sp.zeta([[2.5], [3.5]], t))
    check_op(ow.igamma, [case(a, x), case(a[:1], x)], sp.gammainc, second_order=False)
    check_op(ow.igammac, [case(a, x), case(a[:1], x)], sp.gammaincc, second_order=False)
    p = rng.uniform(0.2, 0.8, (2, 3))
    check_op(lambda t: ow.betainc(ow.constant(2.0, t.dtype), 3.0, t), [case(p)], lambda t: sp.betainc(2.0, 3.0, t))


def test_slope_of_igamma_in_a(rng):
    a = 10 ** rng.uniform(-1, 3, 300)
    x = a * 10 ** rng.uniform(-0.2, 0.2, 300)
    h = 1e-4 * a  # a five-point difference: error h^4, and rounding 1e-15 / 1e-4
    want = (
        sp.gammainc(a - 2 * h, x) - 8 * sp.gammainc(a - h, x) + 8 * sp.gammainc(a + h, x) - sp.gammainc(a + 2 * h, x)
    ) / (12 * h)
    found = np.asarray(ow.igamma_grad_a(ow.constant(a), ow.constant(x)))
    np.testing.assert_allclose(found, want, rtol=1e-7, atol=1e-11)


def test_borders():
    inf, nan = np.inf, np.nan
    for name, x, want in [
        ("erfinv", [-1, 0, 1, 1.5, nan], [-inf, 0, inf, nan, nan]),
        ("ndtri", [0, 0.5, 1, -1, nan], [-inf, 0, inf, nan, nan]),
        ("digamma", [0, -1, inf, -inf, nan], [-inf, nan, inf, nan, nan]),
        ("lgamma", [0, -1, inf, 1, nan], [inf, inf, inf, 0, nan]),
        ("bessel_i0", [inf, -inf, 0, nan, 1000], [inf, inf, 1, nan, inf]),
        ("bessel_i1e", [inf, -inf, 0, nan, -0.0], [0, -0.0, 0, nan, -0.0]),
        ("bessel_k0", [0, -1, inf, nan, 1e5], [inf, nan, 0, nan, 0]),
        ("bessel_y1", [0, -1, inf, nan, 1e300], [-inf, nan, 0, nan, 0]),
        ("dawsn", [inf, -inf, 0, nan, 1e200], [0, -0.0, 0, nan, 0]),
        ("expint", [0, inf, -inf, nan, -800], [-inf, inf, 0, nan, 0]),
        ("spence", [0, -1, inf, nan, 1], [np.pi**2 / 6, nan, -inf, nan, 0]),
        ("fresnel_sin", [inf, -inf, 0, nan, 1e200], [0.5, -0.5, 0, nan, 0.5]),
    ]:
        found = np.asarray(getattr(ow, name)(ow.constant(x, "float64")))
        np.testing.assert_allclose(found, want, atol=1e-150, err_msg=name)
    for name, a, x, want in [
        ("igamma", [0, 1, 1, -1, nan, inf], [1, 0, inf, 1, 1, 1], [nan, 0, 1, nan, nan, 0]),
        ("igammac", [0, 1, 1, 1, 1, inf], [1, 0, inf, -1, nan, 1], [nan, 1, 0, nan, nan, 1]),
        ("zeta", [1, 0.5, 2, 2.5, 2, nan], [1, 1, 0, -0.5, -3, 1], [inf, nan, inf, nan, inf, nan]),
        ("polygamma", [1.5, -1, 0, 1, 2, nan], [1, 1, 1, 0, inf, 1], [nan, nan, sp.psi(1), inf, 0, nan]),
    ]:
        found = np.asarray(getattr(ow, name)(ow.constant(a, "float64"), ow.constant(x, "float64")))
        np.testing.assert_allclose(found, want, atol=1e-150, err_msg=name)
    found = np.asarray(
        ow.betainc(ow.constant([0.0, 1, 1, 1, 1]), ow.constant([1.0, 1, 1, 1, 1]), ow.constant([0.5, 0, 1, 2, np.nan]))
    )
    np.testing.assert_array_equal(found, [nan, 0, 1, nan, nan])


def test_lbeta(rng):
    x = rng.uniform(0.5, 4, (3, 5))
    check_op(ow.lbeta, [case(x), case(x[0])], lambda t: sp.gammaln(t).sum(-1) - sp.gammaln(t.sum(-1)))


def test_names_of_tensorflow():
    assert ow.math.special.bessel_k1e is ow.bessel_k1e
    assert ow.math.bessel_i0 is ow.i0
    assert ow.math.special.dawsn is ow.math.dawsn
