"""Publishers' keys: Ed25519 (RFC 8032). The private one signs plugin files, the public one is what an operator trusts."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A publisher's public key with the name the operator gave it."""

    publisher: str
    raw: bytes

    @property
    def id(self) -> str:
        """A short name of the key that follows from the key itself."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    @property
    def text(self) -> str:
        """The key as it stands in the settings: `publisher:base64`."""
        return f"{self.publisher}:{base64.urlsafe_b64encode(self.raw).decode().rstrip('=')}"

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether the signature was made over the message by the other half of this key."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True


def read_public_key(text: str) -> PublicKey:
    """The key in `publisher:base64`; raises ValueError."""
    publisher, _, encoded = text.strip().rpartition(":")
    try:
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not publisher or len(raw) != KEY_BYTES:
        raise ValueError(f"{text[:60]!r} is no public key; it looks like acme:43-letters, as `chatloom plugin key new acme` prints it")
    return PublicKey(publisher, raw)


class SigningKey:
    """A publisher's private key."""

    def __init__(self, publisher: str, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = PublicKey(publisher, private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    @classmethod
    def new(cls, publisher: str) -> "SigningKey":
        """A new random key."""
        return cls(publisher, Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, file: Path) -> "SigningKey":
        """The key in a PEM file; raises ValueError. The publisher is the file's name."""
        try:
            private = load_pem_private_key(file.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise ValueError(f"{file} is no private key: {error}") from None
        if not isinstance(private, Ed25519PrivateKey):
            raise ValueError(f"{file} is no Ed25519 key. Make one with `chatloom plugin key new {file.stem}`.")
        return cls(file.stem, private)

    def write(self, file: Path) -> None:
        """Write the key where only its owner can read it; raises FileExistsError."""
        file.touch(mode=0o600, exist_ok=False)
        file.write_bytes(self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    def sign(self, message: bytes) -> bytes:
        """The signature over a message, 64 bytes."""
        return self._private.sign(message)
