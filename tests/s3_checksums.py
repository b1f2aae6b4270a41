"""The checksums of S3 in Python, made of their definitions: nothing of sluice is asked what they are."""

import base64
import functools
import hashlib

POLYNOMIALS = {  # reflected; width in bits
    "crc32": (0xEDB88320, 32),
    "crc32c": (0x82F63B78, 32),
    "crc64nvme": (0x9A6C9329AC4BC9B5, 64),
}


@functools.cache
def table_of(kind):
    """What two bytes make of a register."""
    polynomial, _ = POLYNOMIALS[kind]
    table = []
    for value in range(1 << 16):
        for _ in range(16):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
        table.append(value)
    return table


def crc(kind, body):
    table, width = table_of(kind), POLYNOMIALS[kind][1]
    even = len(body) // 2 * 2
    register = ones = (1 << width) - 1
    for pair in memoryview(body[:even]).cast("H"):  # little-endian machines
        register = table[(register ^ pair) & 0xFFFF] ^ (register >> 16)
    for byte in body[even:]:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (POLYNOMIALS[kind][0] if register & 1 else 0)
    return (register ^ ones).to_bytes(width // 8, "big")


@functools.lru_cache(8)  # parts and wholes come again
def checksum(kind, body):
    """As headers have it: base64."""
    raw = crc(kind, body) if kind in POLYNOMIALS else hashlib.new(kind, body).digest()
    return base64.b64encode(raw).decode()


KINDS = (*POLYNOMIALS, "sha1", "sha256")
assert crc("crc64nvme", b"123456789").hex() == "ae8b14860a799888"
assert crc("crc32c", b"123456789").hex() == "e3069283"
