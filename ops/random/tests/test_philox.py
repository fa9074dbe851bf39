"""The generator: Philox4x32-10 against its published vectors, and the ops' bits against a NumPy transcription of it."""

import numpy as np
import opwright as ow
import pytest

M0, M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
LOW = np.uint64(0xFFFFFFFF)


def philox(counter, key):
    """Ten rounds on uint64 arrays of 32-bit words, as in Salmon et al. (SC11), figure 2."""
    c0, c1, c2, c3 = (np.asarray(c, np.uint64) for c in counter)
    k0, k1 = (np.uint64(k) for k in key)
    for _ in range(10):
        p0, p1 = M0 * c0, M1 * c2
        c0, c1, c2, c3 = (p1 >> np.uint64(32)) ^ c1 ^ k0, p1 & LOW, (p0 >> np.uint64(32)) ^ c3 ^ k1, p0 & LOW
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & LOW, (k1 + np.uint64(0xBB67AE85)) & LOW
    return np.stack([c0, c1, c2, c3], -1)


# Random123's kat_vectors, philox4x32 10: counter, key, result.
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text):
    return [int(w, 16) for w in text.split()]


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN)
def test_transcription_gives_the_published_vectors(counter, key, result):
    assert philox(words(counter), words(key)).tolist() == words(result)


def bits(n, seed):
    made = ow.stateless_random_uniform([n], seed, None, None, dtype="int32")
    return np.asarray(made).view(np.uint32)


def test_the_first_block_of_key_0_is_the_published_one():
    assert bits(4, [0, 0]).tolist() == words(KNOWN[0][2])


@pytest.mark.parametrize("seed", [(0, 0), (0xA4093822 - 2**32, 0x299F31D0), (1, -1)])
def test_bits_are_philox_of_the_block_number(seed):
    n = 16 * 4 * 3 + 5  # three vectors of blocks and a part of one
    blocks = np.arange(-(-n // 4), dtype=np.uint64)
    zero = np.zeros_like(blocks)
    # Seeds of int32 come sign-extended: a negative one has bits above 32, which go to the counter's last word.
    high = [(s % 2**64) >> 32 for s in seed]
    mixed = ((high[0] * 0x9E3779B97F4A7C15 + high[1] * 0xC2B2AE3D27D4EB4F) % 2**64) >> 32
    want = philox([blocks, zero, zero, zero + np.uint64(mixed)], [s % 2**32 for s in seed]).reshape(-1)[:n]
    np.testing.assert_array_equal(bits(n, list(seed)), want)
    np.testing.assert_array_equal(bits(n, np.array(seed, np.int64)), want)


def test_uniform_floats_are_tensorflows_construction_of_the_bits():
    n, seed = 131, [17, 5]
    x = bits(n + 1, seed)

    def mantissa(kept, width):
        return kept.astype(np.float64) / 2.0**width

    for dtype, width in (("float32", 23), ("float16", 10), ("bfloat16", 7)):
        got = np.asarray(ow.stateless_random_uniform([n], seed, dtype=dtype), np.float64)
        np.testing.assert_array_equal(got, mantissa(x[:n] & np.uint32(2**width - 1), width), err_msg=dtype)
    pairs = bits(2 * n, seed).astype(np.uint64).reshape(n, 2)
    kept = (pairs[:, 0] & np.uint64(0xFFFFF)) << np.uint64(32) | pairs[:, 1]
    np.testing.assert_array_equal(
        np.asarray(ow.stateless_random_uniform([n], seed, dtype="float64")), mantissa(kept, 52)
    )


def test_integers_are_the_high_part_of_a_product():
    n, seed, low, high = 67, [3, 4], -5, 1000
    want = low + (bits(n, seed).astype(np.uint64) * np.uint64(high - low) >> np.uint64(32)).astype(np.int64)
    np.testing.assert_array_equal(np.asarray(ow.stateless_random_uniform([n], seed, low, high, "int32")), want)
    pairs = bits(2 * n, seed).astype(object).reshape(n, 2)
    low, high = -(2**62), 2**62 + 11
    want = [low + ((int(b) << 32 | int(a)) * (high - low) >> 64) for a, b in pairs]
    low, high = (ow.constant(v, dtype="int64") for v in (low, high))
    got = ow.stateless_random_uniform([n], seed, low, high, "int64")
    np.testing.assert_array_equal(np.asarray(got), want)


def test_normals_are_box_muller_of_the_bits():
    n, seed = 132, [8, 9]
    x = bits(n, seed).astype(np.float64).reshape(-1, 2)
    radius = np.sqrt(-2 * np.log((np.floor(x[:, 0] / 2) + 0.5) / 2**31))
    turn = 2 * np.pi * x[:, 1] / 2**32
    want = np.stack([radius * np.sin(turn), radius * np.cos(turn)], -1).reshape(-1)
    got = np.asarray(ow.stateless_random_normal([n], seed))
    np.testing.assert_allclose(got, want, rtol=2e-6, atol=2e-7)  # u has 24 bits; log, sqrt, sin err by an ulp each
    x = bits(4 * n, seed).astype(np.uint64).reshape(-1, 4)
    u = ((x[:, 0] << np.uint64(21) | x[:, 1] >> np.uint64(11)).astype(np.float64) + 1) / 2**53
    turn = (x[:, 2] << np.uint64(32) | x[:, 3]).astype(np.float64) / 2**64 * 2 * np.pi
    radius = np.sqrt(-2 * np.log(u))
    want = np.stack([radius * np.sin(turn), radius * np.cos(turn)], -1).reshape(-1)
    np.testing.assert_allclose(
        np.asarray(ow.stateless_random_normal([2 * n], seed, dtype="float64")), want, rtol=1e-13, atol=1e-15
    )
