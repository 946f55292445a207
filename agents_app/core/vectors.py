"""Vectors as they are stored: packed little-endian float32 of length 1, so that a dot product is their cosine."""

import math
import struct
from collections.abc import Iterable

BYTES_PER_NUMBER = 4


def pack(numbers: Iterable[float]) -> bytes:
    """The vector of this direction, as it is stored. Raises ValueError if there is no direction in it."""
    values = [float(number) for number in numbers]
    length = math.hypot(*values) if values else 0.0
    if not math.isfinite(length) or length == 0.0:
        raise ValueError("A vector needs numbers, all of them finite and not all of them zero.")
    return struct.pack(f"<{len(values)}f", *(value / length for value in values))


def unpack(packed: bytes | memoryview) -> tuple[float, ...]:
    """The numbers of a stored vector."""
    return struct.unpack(f"<{dimension(packed)}f", packed)


def dimension(packed: bytes | memoryview) -> int:
    """How many numbers a stored vector has."""
    return len(packed) // BYTES_PER_NUMBER


def cosine(one: bytes | memoryview, other: bytes | memoryview) -> float:
    """How alike the directions of two stored vectors are, from -1 to 1. Raises ValueError for different dimensions."""
    if len(one) != len(other):
        raise ValueError(f"A vector of {dimension(one)} numbers cannot be compared with one of {dimension(other)}.")
    return math.fsum(left * right for left, right in zip(unpack(one), unpack(other), strict=True))
