"""LinkedIn: requests signed with HMAC-SHA256 of the app's client secret; the bot speaks as the page, by comments."""

import hmac
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from server.channels.contract import (
    Adapter,
    Answer,
    Finding,
    NotProven,
    Outbound,
    Received,
    Request,
    Secrets,
    SendFailed,
    Settings,
    valid,
)
from server.channels.linkedin.api import TOKEN, encoded, headers, organization_of, refusal, rest_url
from server.channels.linkedin.checking import examine_token
from server.channels.linkedin.looking_up import comment_of, looked_up
from server.channels.linkedin.notifications import read
from server.channels.linkedin.subscribing import subscribe
from server.channels.linkedin.tokens import with_token
from server.channels.payload import text_of
from server.channels.provider import Told, post
from server.channels.words import in_parts, unmarked, words_of
from server.kit import clock
from server.kit.http import OutboundClient

SECRET = "client_secret"
HEADER = "x-li-signature"
PREFIX = "hmacsha256="
MOST_CHARACTERS = 1_250


def signature(secret: str, body: bytes) -> str:
    """The value of `X-LI-Signature`: what is signed begins with words that no challenge of LinkedIn's has."""
    return hmac.digest(secret.encode(), PREFIX.encode() + body, "sha256").hex()


class LinkedInAdapter(Adapter):
    """LinkedIn."""

    def verify(self, request: Request, settings: Settings, secrets: Secrets) -> None:
        """The signature over the raw body must fit. No time is signed: what comes twice is known by its id."""
        accepted = valid(secrets, SECRET)
        given = request.headers.get(HEADER, "").removeprefix(PREFIX).encode("latin-1", "replace")
        if HEADER in request.doubled or not any(hmac.compare_digest(given, signature(one, request.body).encode()) for one in accepted):
            raise NotProven("the signature does not fit")

    def handshake(self, request: Request, settings: Settings, secrets: Secrets) -> Answer | None:
        """LinkedIn checks the address every two hours: the answer is its code, signed. Only what is a UUID is, never a body."""
        code = request.query.get("challengeCode", "")
        if request.doubled or not _is_uuid(code):
            return Answer(400, b"The challengeCode is missing, or is none of LinkedIn's.", "text/plain")
        response = hmac.digest(valid(secrets, SECRET)[0].encode(), code.encode(), "sha256").hex()
        return Answer(200, msgspec.json.encode({"challengeCode": code, "challengeResponse": response}))

    def parse(self, request: Request, settings: Settings) -> Received:
        """Comments, mentions and leads."""
        return read(request, settings)

    async def completed(self, http: OutboundClient, received: Received, settings: Settings, secrets: Secrets) -> Received:
        """With the words of comments and leads that LinkedIn only named."""
        return await looked_up(http, received, settings, await with_token(http, settings, secrets))

    def render(self, body: Mapping[str, Any], settings: Settings) -> Sequence[Mapping[str, Any]]:
        """Everything in words."""
        return [{"text": text} for text in in_parts(unmarked(words_of(body)), MOST_CHARACTERS)]

    async def send_part(
        self, http: OutboundClient, part: Mapping[str, Any], message: Outbound, settings: Settings, secrets: Secrets
    ) -> str | None:
        """Comment as the page. Under an answer, LinkedIn wants the comment that began the thread; it is asked for when it is not known."""
        place = message.place
        if not place.get("object"):
            raise SendFailed("dead", "Nobody can be written to on LinkedIn by their lead. Let the flow send an e-mail instead.")
        secrets = await with_token(http, settings, secrets)
        if not secrets.get(TOKEN):
            raise SendFailed("dead", "The channel has no access token. Enter it in the channel's settings, then send again.", blocks=True)
        parent = str(place.get("parent") or place.get("comment") or "")
        told = await self._comment(http, part, place, parent, settings, secrets)
        if told.status == 400 and parent and not place.get("parent"):
            asked = await comment_of(http, parent, settings, secrets)
            first = text_of(asked.data, "parentComment") if isinstance(asked, Told) and asked.status == 200 else ""
            if first and first != parent:
                told = await self._comment(http, part, place, first, settings, secrets)
        if 200 <= told.status < 300:
            return text_of(told.data, "commentUrn") or told.headers.get("x-restli-id") or None
        raise refusal(told, clock.now())

    @staticmethod
    async def _comment(
        http: OutboundClient, part: Mapping[str, Any], place: Mapping[str, Any], parent: str, settings: Settings, secrets: Secrets
    ) -> Told:
        given = {"actor": organization_of(settings), "object": place["object"], "message": {"text": part["text"]}}
        url = rest_url(settings, f"socialActions/{encoded(parent or place['object'])}/comments")
        return await post(http, url, given | ({"parentComment": parent} if parent else {}), headers(settings, secrets))

    async def check(self, http: OutboundClient, settings: Settings, secrets: Secrets) -> Sequence[Finding]:
        """What the token may do, and how long."""
        return await examine_token(http, settings, await with_token(http, settings, secrets), clock.now())

    async def connect(self, http: OutboundClient, hook_url: str, settings: Settings, secrets: Secrets) -> Sequence[Finding]:
        """Subscribe to comments and leads."""
        return await subscribe(http, hook_url, settings, await with_token(http, settings, secrets))


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


adapter = LinkedInAdapter()
