"""Orthogonal arrays of strength 4: masks under which no effects of one and of two players are mistaken for one another.

In any four columns of such an array all 16 rows come equally often. So the features 1, chi_i and chi_i chi_j (p = 0.5)
are orthonormal on it, exactly. A linear array is the span of columns in GF(2)^k any four of which are independent: the
columns of a parity check matrix of a code of distance 5. The longest known with k = 2 r check bits are

    r even    2^r + 1 columns    the code of Zetterberg: powers of an element of order 2^r + 1 in GF(2^2r)
    r odd     2^r - 1 columns    the code of Bose, Ray-Chaudhuri and Hocquenghem: (a, a^3) for a in GF(2^r)

which makes 4,096 masks for up to 65 players, and 65,536 for up to 257.

Source: Hedayat, Sloane, Stufken, Orthogonal Arrays, 1999, chapters 4 and 5.
"""

from functools import cache

import numpy as np

PRIMITIVE = {  # polynomials over GF(2), as bits; field of 2^degree elements
    2: 0b111,
    3: 0b1011,
    4: 0b10011,
    5: 0b100101,
    7: 0b10000011,
    8: 0b100011101,
    9: 0b1000010001,
    12: 0b1000001010011,
    16: 0b10001000000001011,
}
BITS = {4: 5, 6: 7, 8: 17, 10: 31, 12: 65, 14: 127, 16: 257, 18: 511}  # check bits: columns


def array_bits(n: int) -> int | None:
    """Logarithm of the rows of the smallest array for n players that is known here, None for more than 511."""
    return next((bits for bits, columns in BITS.items() if columns >= n), None)


def orthogonal_array(n: int, rng: np.random.Generator) -> np.ndarray:
    """Masks of a randomised orthogonal array of strength 4, [2^`array_bits`(n), n].

    Columns, signs and order of rows are random, so that each mask by itself is drawn uniformly.

    Args:
        n: players, at most 511.
        rng: fixes the draws.

    Example:
        >>> masks = orthogonal_array(6, np.random.default_rng(0))
        >>> masks.shape, np.unique(masks[:, [0, 2, 3, 5]], axis=0, return_counts=True)[1].tolist()
        ((64, 6), [4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4])
    """
    bits = array_bits(n)
    if bits is None:
        raise ValueError(f"No array for {n} players is known here; at most {max(BITS.values())}.")
    chosen, signs = rng.permutation(_columns(bits))[:n], rng.integers(0, 2, n) == 1
    rows = rng.permutation(2**bits)
    products = _bits(rows, bits) @ _bits(chosen, bits).T  # over GF(2) what is left modulo 2
    return (products % 2 == 1) ^ signs


def _bits(numbers: np.ndarray, bits: int) -> np.ndarray:
    return (numbers[:, None] >> np.arange(bits) & 1).astype(np.float32)


@cache
def _columns(bits: int) -> np.ndarray:
    """Columns in GF(2)^bits, any four of which are independent."""
    r = bits // 2
    if r % 2 == 0:
        return _powers(bits)[:: 2**r - 1]
    powers = _powers(r)
    return powers | powers[3 * np.arange(len(powers)) % len(powers)] << r


def _powers(degree: int) -> np.ndarray:
    """The non-zero elements of GF(2^degree) as bits: the powers of a primitive one."""
    found = [1]
    while len(found) < 2**degree - 1:
        doubled = found[-1] << 1
        found.append(doubled ^ PRIMITIVE[degree] if doubled >> degree else doubled)
    return np.array(found)
