"""Passwords: which are accepted, and their argon2id hashes, computed in two threads so that sign-ins cannot starve the server."""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from server.kit.errors import Problem

MIN_LENGTH = 12
MAX_LENGTH = 256
_THREADS = 2
_LONGEST_QUEUE = 40
_hasher = PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1)
_pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="argon2")
_running: set[asyncio.Future[Any]] = set()
_T = TypeVar("_T")

_COMMON_PARTS = (
    "password", "passwort", "passw0rd", "p@ssw0rd", "letmein", "welcome", "iloveyou", "administrator", "changeme", "qwertyuiop", "qwerty",
    "asdfghjkl", "zxcvbnm", "1q2w3e4r", "1qaz2wsx", "sunshine", "princess", "football", "baseball", "superman", "trustno1", "abc123",
    "dragon", "monkey", "master", "shadow", "michael", "jennifer", "secret", "default", "chatloom", "abcdefghijklmnopqrstuvwxyz",
    "zyxwvutsrqponmlkjihgfedcba", "01234567890123456789", "98765432109876543210",
)  # fmt: skip


def check_password(password: str, email: str) -> str:
    """The password as it is hashed; raises a Problem when it is too easy to guess."""
    text = normalised(password)
    bare = text.casefold()
    local_part = email.partition("@")[0]
    if len(text) < MIN_LENGTH:
        raise _refused(f"Use at least {MIN_LENGTH} characters; a few words you can remember are best.")
    if bare in (email, local_part) or (len(local_part) >= 4 and len(bare.replace(local_part, "")) < 6):
        raise _refused("The password must not be your e-mail address.")
    if len(set(bare)) < 5 or len(_without_common_parts(bare)) < 6:
        raise _refused("This password is among the first that attackers try. Use a few words that do not belong together.")
    return text


def normalised(password: str) -> str:
    """One form for what different keyboards send; raises a Problem when it is too long to hash."""
    if len(password) > MAX_LENGTH:
        raise _refused(f"Use at most {MAX_LENGTH} characters.")
    return unicodedata.normalize("NFKC", password)


async def hash_password(password: str) -> str:
    """The argon2id hash to store."""
    return await _in_pool(lambda: _hasher.hash(password))


async def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether the password fits; without a hash it takes as long and is False."""
    return await _in_pool(lambda: _verify(password_hash or _nobodys_hash(), password)) and bool(password_hash)


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys_hash() -> str:
    return _hasher.hash("nobody has this password")


async def _in_pool(work: Callable[[], _T]) -> _T:
    if len(_running) >= _LONGEST_QUEUE:
        raise Problem(503, "busy", "Too many people sign in at this moment. Try again in a few seconds.", headers={"Retry-After": "3"})
    hashing = asyncio.get_running_loop().run_in_executor(_pool, work)
    _running.add(hashing)
    hashing.add_done_callback(_running.discard)
    return await hashing


def _without_common_parts(text: str) -> str:
    for part in sorted(_COMMON_PARTS, key=len, reverse=True):
        text = text.replace(part, "")
    return _without_runs(text)


def _without_runs(text: str) -> str:
    """Drops every character that continues a row such as 123, cba or aaa."""
    return "".join(b for a, b in zip(" " + text, text, strict=False) if abs(ord(a) - ord(b)) > 1)


def _refused(sentence: str) -> Problem:
    return Problem(422, "weak_password", sentence, fields={"password": sentence})
