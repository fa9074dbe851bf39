"""FarmHash's Fingerprint64, by which TensorFlow puts strings into buckets (https://github.com/google/farmhash, MIT)."""

from __future__ import annotations

from typing import Any

_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_ALL = 2**64 - 1


def fingerprint64(text: bytes) -> int:
    """A hash of 64 bits that never changes."""
    n = len(text)
    mul = (_K2 + 2 * n) & _ALL
    if n <= 16:
        return _to_16(text, n, mul)
    if n <= 32:
        return _to_32(text, n, mul)
    return _to_64(text, n, mul) if n <= 64 else _longer(text, n)


def _word(text: bytes, at: int, size: int = 8) -> int:
    return int.from_bytes(text[at : at + size], "little")


def _turned(value: int, by: int) -> int:
    value &= _ALL
    return (value >> by | value << (64 - by)) & _ALL


def _mixed(value: int) -> int:
    value &= _ALL
    return value ^ value >> 47


def _hashed(u: int, v: int, mul: int) -> int:
    a = _mixed((u ^ v) * mul)
    return _mixed(((v & _ALL) ^ a) * mul) * mul & _ALL


def _to_16(text: bytes, n: int, mul: int) -> int:
    if n >= 8:
        a, b = _word(text, 0) + _K2, _word(text, n - 8)
        return _hashed((_turned(b, 37) * mul + a) & _ALL, (_turned(a, 25) + b) * mul & _ALL, mul)
    if n >= 4:
        return _hashed(n + (_word(text, 0, 4) << 3), _word(text, n - 4, 4), mul)
    if n > 0:
        y, z = text[0] + (text[n >> 1] << 8), n + (text[n - 1] << 2)
        return _mixed(y * _K2 ^ z * _K0) * _K2 & _ALL
    return _K2


def _ends(text: bytes, n: int, mul: int, first: int) -> tuple[int, int, int]:
    """What strings up to 64 bytes take from their first and last 16 bytes, and the first product."""
    a, b = _word(text, 0) * first & _ALL, _word(text, 8)
    c, d = _word(text, n - 8) * mul, _word(text, n - 16) * _K2
    return _turned(a + b, 43) + _turned(c, 30) + d & _ALL, a + _turned(b + _K2, 18) + c & _ALL, a


def _to_32(text: bytes, n: int, mul: int) -> int:
    u, v, _ = _ends(text, n, mul, _K1)
    return _hashed(u, v, mul)


def _to_64(text: bytes, n: int, mul: int) -> int:
    y, v, a = _ends(text, n, mul, _K2)
    z = _hashed(y, v, mul)
    e, f = _word(text, 16) * mul, _word(text, 24)
    g, h = (y + _word(text, n - 32)) * mul, (z + _word(text, n - 24)) * mul
    return _hashed(_turned(e + f, 43) + _turned(g, 30) + h & _ALL, e + _turned(f + a, 18) + g & _ALL, mul)


def _weak(text: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    w, x, y, z = (_word(text, at + 8 * i) for i in range(4))
    a += w
    b = _turned(b + a + z, 21)
    c = a
    a += x + y
    return a + z & _ALL, b + _turned(a, 44) + c & _ALL


def _round(text: bytes, at: int, state: Any, mul: int, times: int) -> Any:
    """64 bytes into the state."""
    x, y, z, v, w = state
    x = _turned(x + y + v[0] + _word(text, at + 8), 37) * mul & _ALL
    y = _turned(y + v[1] + _word(text, at + 48), 42) * mul & _ALL
    x ^= w[1] * times & _ALL
    y = y + v[0] * times + _word(text, at + 40) & _ALL
    z = _turned(z + w[0], 33) * mul & _ALL
    v = _weak(text, at, v[1] * mul, x + w[0])
    w = _weak(text, at + 32, z + w[1], y + _word(text, at + 16))
    return z, y, x, v, w


def _longer(text: bytes, n: int) -> int:
    y = (81 * _K1 + 113) & _ALL
    state: Any = 81 * _K2 + _word(text, 0) & _ALL, y, _mixed(y * _K2 + 113) * _K2 & _ALL, (0, 0), (0, 0)
    end = (n - 1) // 64 * 64
    for at in range(0, end, 64):
        state = _round(text, at, state, _K1, 1)
    x, y, z, v, w = state
    mul = _K1 + ((z & 0xFF) << 1) & _ALL
    first = w[0] + (n - 1 & 63)
    v = v[0] + first, v[1]
    w = first + v[0], w[1]
    x, y, z, v, w = _round(text, end + (n - 1 & 63) - 63, (x, y, z, v, w), mul, 9)
    return _hashed(_hashed(v[0], w[0], mul) + _mixed(y) * _K0 + z & _ALL, _hashed(v[1], w[1], mul) + x & _ALL, mul)
