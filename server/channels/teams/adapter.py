"""Microsoft Teams: requests carry a token of the Bot Connector; the bot speaks by the service that the customer's words came from."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from server.channels.contract import (
    Adapter,
    File,
    Finding,
    NotConfigured,
    NotFetched,
    NotProven,
    Outbound,
    Received,
    Request,
    Secrets,
    SendFailed,
    Settings,
    valid,
)
from server.channels.payload import part_of, text_of
from server.channels.provider import Told, fetch_file, post
from server.channels.teams.access import PASSWORD, AccessTokens, NoToken
from server.channels.teams.activities import read
from server.channels.teams.cards import messages_of
from server.channels.teams.keys import NoKeys, PublishedKeys, fetch_keys
from server.channels.teams.proof import CHANNEL, key_id_of, prove
from server.channels.teams.services import activities_url, is_service, sent_id
from server.channels.teams.text import addressed
from server.kit.http import OutboundClient

OPENID_URL = "https://login.botframework.com/v1/.well-known/openidconfiguration"
KEYS = "connector_keys"
HEADER = "authorization"

_GONE = {
    "BotNotInConversationRoster": "The bot was removed from this chat.",
    "MessageWritesBlocked": "The customer has blocked the bot.",
    "BotDisabledByAdmin": "An administrator has switched the bot off in this organisation.",
    "ConversationNotFound": "This chat does not exist any more.",
    "MessageSizeTooBig": "The message is too large for Teams.",
}


class TeamsAdapter(Adapter):
    """Microsoft Teams."""

    def __init__(self) -> None:
        self._keys = PublishedKeys()
        self._tokens = AccessTokens()

    async def published(self, http: OutboundClient, request: Request, settings: Settings) -> Secrets:
        """The connector's key that the request's token names."""
        key_id = key_id_of(request.headers.get(HEADER, ""))
        if key_id is None:
            return {}
        keys = await self._keys.jwks(http, _openid_url(settings), key_id, request.at)
        return {} if keys is None else {KEYS: keys}

    def verify(self, request: Request, settings: Settings, secrets: Secrets) -> None:
        """The token must be the connector's, for this bot, and for the service that the body names."""
        valid(secrets, PASSWORD)
        if not settings.get("app_id"):
            raise NotConfigured("it has no app id yet")
        authorization = request.headers.get(HEADER, "")
        if HEADER in request.doubled or key_id_of(authorization) is None:
            raise NotProven("no token of the connector, or two")
        prove(authorization, request.body, settings, valid(secrets, KEYS), request.at)

    def parse(self, request: Request, settings: Settings) -> Received:
        """Messages, choices, and calls that want an answer at once."""
        return read(request, settings)

    def render(self, body: Mapping[str, Any], settings: Settings) -> Sequence[Mapping[str, Any]]:
        """Text, or Adaptive Cards."""
        return messages_of(body)

    async def send_part(
        self, http: OutboundClient, part: Mapping[str, Any], message: Outbound, settings: Settings, secrets: Secrets
    ) -> str | None:
        """Post one activity; its conversation and id are its id."""
        person = part_of(message.place, "mention")
        named = {**part, **addressed(text_of(part, "text"), person)} if person else part
        told = await self._post(http, named, message.contact_id, message.place, settings, secrets)
        if 200 <= told.status < 300:
            message_id = text_of(told.data, "id")
            return sent_id(text_of(message.place, "conversation"), message_id) if message_id else None
        raise _failed(told)

    async def show_typing(
        self, http: OutboundClient, contact_id: str, place: Mapping[str, Any], settings: Settings, secrets: Secrets
    ) -> None:
        """Three dots, until the answer comes or for some seconds."""
        told = await self._post(http, {"type": "typing"}, contact_id, place, settings, secrets)
        if not 200 <= told.status < 300:
            raise _failed(told)

    async def check(self, http: OutboundClient, settings: Settings, secrets: Secrets) -> Sequence[Finding]:
        """Whether Microsoft knows the bot and its secret, and whether the connector's keys can be got."""
        try:
            await self._tokens.get(http, settings, {PASSWORD: valid(secrets, PASSWORD)[0]})
        except NotConfigured:
            return [Finding("error", "Client secret", "It is missing. Make one in your app registration, page Certificates & secrets.")]
        except NoToken as refused:
            return [_token_finding(refused, settings)]
        found = [Finding("ok", "App id and client secret", "Microsoft knows the bot.")]
        try:
            keys = await fetch_keys(http, _openid_url(settings))
        except NoKeys as error:
            reason = f"What Teams sends cannot be proven without them: {error} This server must reach {_openid_url(settings)}."
            return [*found, Finding("error", "Keys of the Bot Connector", reason)]
        if not any(CHANNEL in str(key.get("endorsements")) for key in keys.values()):
            return [
                *found,
                Finding("error", "Keys of the Bot Connector", "None of them may speak for Teams. Look at the address of the keys."),
            ]
        return [*found, Finding("ok", "Keys of the Bot Connector", f"{len(keys)} keys are here.")]

    async def connect(self, http: OutboundClient, hook_url: str, settings: Settings, secrets: Secrets) -> Sequence[Finding]:
        """Microsoft neither tells nor takes the address this way: a person has to look."""
        reason = f"Microsoft does not show it to us. On the page Configuration of your Azure Bot it must be {hook_url}."
        return [Finding("ok", "Messaging endpoint", reason)]

    async def fetch(self, http: OutboundClient, provider_ref: str, settings: Settings, secrets: Secrets) -> File:
        """A file by its address; our token goes to the connector only, the customer's drive gives the file to whoever has the address."""
        if not is_service(provider_ref, settings):
            if urlsplit(provider_ref).scheme != "https":
                raise NotFetched("The file is not at Microsoft.")
            return await fetch_file(http, provider_ref)
        try:
            token = await self._tokens.get(http, settings, secrets)
        except (NoToken, NotConfigured) as error:
            raise NotFetched(str(error)) from None
        return await fetch_file(http, provider_ref, _bearer(token))

    async def _post(
        self,
        http: OutboundClient,
        activity: Mapping[str, Any],
        contact_id: str,
        place: Mapping[str, Any],
        settings: Settings,
        secrets: Secrets,
    ) -> Told:
        """Post one activity where the customer wrote. A token that is not taken is replaced once."""
        service_url, conversation = text_of(place, "service_url"), text_of(place, "conversation")
        if not conversation or not is_service(service_url, settings):
            raise SendFailed("dead", "Teams lets a bot write only where the customer wrote to it before.")
        sender = {"from": {"id": f"28:{settings.get('app_id', '')}"}, "conversation": {"id": conversation}}
        whole, url = {**activity, **sender, "recipient": {"id": contact_id}}, activities_url(service_url, conversation)
        token = await self._token(http, settings, secrets)
        told = await post(http, url, whole, _bearer(token))
        if told.status == 401:
            self._tokens.drop(settings, secrets, token)
            told = await post(http, url, whole, _bearer(await self._token(http, settings, secrets)))
        return told

    async def _token(self, http: OutboundClient, settings: Settings, secrets: Secrets) -> str:
        try:
            return await self._tokens.get(http, settings, secrets)
        except NotConfigured:
            reason = "The channel has no client secret. Enter it in the channel's settings, then send again."
            raise SendFailed("dead", reason, blocks=True) from None
        except NoToken as refused:
            if refused.again:
                raise SendFailed("retry", str(refused), refused.wait_s) from None
            raise SendFailed("retry", f"{refused.title}: {refused} Run the channel's live check.", blocks=True) from None


def _token_finding(refused: NoToken, settings: Settings) -> Finding:
    if refused.title == "App id" and not settings.get("tenant_id"):
        reason = "The app is not one of several organisations: enter the Directory (tenant) id of its app registration."
        return Finding("error", "Directory id", f"{reason} {refused}")
    return Finding("error", refused.title, str(refused))


def _failed(told: Told) -> SendFailed:
    error = part_of(told.data, "error")
    code, said = text_of(error, "code"), text_of(error, "message")
    reason = (said or code or f"answer {told.status}")[:300].rstrip(".")
    if told.status in (412, 429) or told.status >= 500:
        return SendFailed("retry", f"Teams asks to wait: {reason}.", told.retry_after_s)
    if told.status == 401:
        return SendFailed("retry", f"Teams does not take the bot's token: {reason}. Run the channel's live check.", blocks=True)
    known = next((sentence for name, sentence in _GONE.items() if name in (code, said)), None)
    return SendFailed("dead", known or f"Teams does not take this message: {reason}.")


def _openid_url(settings: Settings) -> str:
    return str(settings.get("openid_url") or OPENID_URL)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


adapter = TeamsAdapter()
