"""Files that customers sent and a channel's provider keeps: an address of ours that nobody can guess, read through the channel."""

import base64
import binascii
import hashlib
import hmac
from uuid import UUID

from server.kit.secrets import Vault

_PROOF_BYTES = 16


class ProviderFiles:
    """Makes such addresses and reads them. They are good as long as the provider keeps the file."""

    def __init__(self, vault: Vault, public_url: str) -> None:
        self._key = vault.derive("provider files")
        self._public_url = public_url

    def url(self, kind: str, channel_id: UUID, provider_ref: str) -> str:
        """The address of the provider's file `provider_ref`."""
        ref = provider_ref.encode()
        token = base64.urlsafe_b64encode(self._proof(channel_id, ref) + ref).decode().rstrip("=")
        return f"{self._public_url}/hooks/{kind}/{channel_id}/files/{token}"

    def read(self, channel_id: UUID, token: str) -> str | None:
        """The provider's name of a file of this channel; None for an address that is not ours."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        proof, ref = raw[:_PROOF_BYTES], raw[_PROOF_BYTES:]
        return ref.decode() if hmac.compare_digest(proof, self._proof(channel_id, ref)) else None

    def _proof(self, channel_id: UUID, ref: bytes) -> bytes:
        return hmac.digest(self._key, channel_id.bytes + ref, hashlib.sha256)[:_PROOF_BYTES]
