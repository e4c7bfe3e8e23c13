"""A system that is told of events: it proves the signatures by the rule of Standard Webhooks, keeps what it got, answers as it is told."""

import base64
import hashlib
import hmac
import json
from typing import Any

from tests.fakes.http import Answering, FakeServer, Request


class Receiver(FakeServer):
    """`secret` signs what comes; `statuses` are the next answers, then 200."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.secret = ""
        self.statuses: list[int] = []
        self.got: list[tuple[str, dict[str, Any]]] = []

    async def _answer(self, request: Request, to: Answering) -> None:
        if not proven(request, self.secret):
            await to.send(401)
            return
        self.got.append((request.headers["webhook-id"], json.loads(request.body)))
        await to.send(self.statuses.pop(0) if self.statuses else 200, {"thanks": True})


def proven(request: Request, secret: str) -> bool:
    """Whether one of the signatures is `v1,` and the base64 HMAC-SHA256 of `id.timestamp.body` under the secret's bytes."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return expected in request.headers["webhook-signature"].split(" ")
