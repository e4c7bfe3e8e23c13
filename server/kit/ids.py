"""Identifiers that sort by the time they were made (RFC 9562, UUID version 7)."""

import secrets
import threading
import time
from uuid import UUID

_lock = threading.Lock()
_last = 0


def uuid7() -> UUID:
    """A new version 7 UUID: 48 bits of Unix milliseconds, 12 bits of their fraction, then random bits.

    Each sorts after all that this process made before, even within a microsecond.
    """
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    milliseconds, fraction = divmod(nanoseconds, 1_000_000)
    moment = seconds * 1000 + milliseconds << 12 | (fraction << 12) // 1_000_000
    global _last
    with _lock:
        _last = moment = max(moment, _last + 1)
    return UUID(int=(moment >> 12) << 80 | 0x7 << 76 | (moment & 0xFFF) << 64 | 0b10 << 62 | secrets.randbits(62))
