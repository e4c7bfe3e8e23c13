"""The address at which other systems reach one conversation: nobody can guess it, and it opens nothing else."""

import base64
import binascii
import hashlib
import hmac
from uuid import UUID

from server.kit.secrets import Vault

ROUTE = "/api/v2/chat/events"

_PROOF_BYTES = 16


class Callbacks:
    """Makes such addresses and reads them. They are good as long as the conversation is kept."""

    def __init__(self, vault: Vault, public_url: str) -> None:
        self._key = vault.derive("event addresses")
        self._public_url = public_url

    def url(self, tenant_id: UUID, conversation_id: UUID) -> str:
        """`conversation.callback_url`: a POST to `<url>/<name of the event>` is an event for the conversation."""
        place = tenant_id.bytes + conversation_id.bytes
        token = base64.urlsafe_b64encode(place + self._proof(place)).decode().rstrip("=")
        return f"{self._public_url}{ROUTE}/{token}"

    def read(self, token: str) -> tuple[UUID, UUID] | None:
        """(tenant, conversation) of a token; None for one that is not ours."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        place, proof = raw[:32], raw[32:]
        if len(place) != 32 or not hmac.compare_digest(proof, self._proof(place)):
            return None
        return UUID(bytes=place[:16]), UUID(bytes=place[16:])

    def _proof(self, place: bytes) -> bytes:
        return hmac.digest(self._key, place, hashlib.sha256)[:_PROOF_BYTES]
