"""Names and addresses as people type them, brought to the form that is stored."""

import re
import unicodedata

from server.kit.errors import Problem

MAX_NAME = 100
MAX_EMAIL = 254
_EMAIL = re.compile(r"[^\s@<>()\[\]\\,;:\"]{1,64}@[^\s@<>()\[\]\\,;:\"]{1,253}")
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def clean_name(text: str, field: str) -> str:
    """A displayed name: trimmed, without invisible or direction-changing characters; raises a Problem naming `field`."""
    if len(text) > 4 * MAX_NAME:
        raise _refused(field, f"Use at most {MAX_NAME} characters.")
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name or any(unicodedata.category(character) in _INVISIBLE for character in name):
        raise _refused(field, "Type a name of visible characters.")
    if len(name) > MAX_NAME:
        raise _refused(field, f"Use at most {MAX_NAME} characters.")
    return name


def clean_email(text: str) -> str:
    """An e-mail address in the one form it is stored and compared in; raises a Problem."""
    email = unicodedata.normalize("NFKC", text[: MAX_EMAIL + 1]).strip().casefold()
    visible = not any(unicodedata.category(character) in _INVISIBLE for character in email)
    if len(email) > MAX_EMAIL or not visible or not _EMAIL.fullmatch(email) or ".." in email:
        raise _refused("email", "Type an e-mail address, such as ada@example.com.")
    return email


def _refused(field: str, sentence: str) -> Problem:
    return Problem(422, "invalid", sentence, fields={field: sentence})
