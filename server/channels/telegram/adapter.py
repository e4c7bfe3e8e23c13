"""Telegram: updates carry a secret that was told to it with the address; the bot speaks by the Bot API."""

import hmac
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from server.channels.contract import (
    Adapter,
    File,
    Finding,
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
from server.channels.provider import Told, ask, fetch_file, post
from server.channels.telegram.messages import METHODS, as_plain, parts_of
from server.channels.telegram.updates import read
from server.kit.http import OutboundClient

API_URL = "https://api.telegram.org"
SECRET = "webhook_secret"
TOKEN = "bot_token"
HEADER = "x-telegram-bot-api-secret-token"
UPDATES = ["message", "callback_query", "my_chat_member"]

_NOT_PARSED = "can't parse entities"
_NOT_FETCHED = ("failed to get http url content", "wrong file identifier", "wrong type of the web page content", "http url specified")


class TelegramAdapter(Adapter):
    """Telegram."""

    def verify(self, request: Request, settings: Settings, secrets: Secrets) -> None:
        """The secret that we told Telegram must be in the header. There is no proof of the body, and no time."""
        accepted = valid(secrets, SECRET)
        given = request.headers.get(HEADER, "").encode("latin-1", "replace")
        if HEADER in request.doubled or not any(hmac.compare_digest(given, secret.encode()) for secret in accepted):
            raise NotProven("the secret does not fit")

    def parse(self, request: Request, settings: Settings) -> Received:
        """Messages and presses of buttons."""
        return read(request, settings)

    def render(self, body: Mapping[str, Any], settings: Settings) -> Sequence[Mapping[str, Any]]:
        """Calls of the Bot API, each with its method."""
        return parts_of(body)

    async def send_part(
        self, http: OutboundClient, part: Mapping[str, Any], message: Outbound, settings: Settings, secrets: Secrets
    ) -> str | None:
        """Make one call. What Telegram cannot format or fetch is said in plain words, once."""
        place = dict(message.place) or {"chat_id": message.contact_id}
        told = await self._call(http, part, place, settings, secrets)
        if moved := _parameters(told).get("migrate_to_chat_id"):
            place["chat_id"] = moved
            told = await self._call(http, part, place, settings, secrets)
        reason = _description(told).lower()
        if told.status == 400 and (_NOT_PARSED in reason or any(words in reason for words in _NOT_FETCHED)):
            told = await self._call(http, _in_plain_words(part), place, settings, secrets)
        if told.status == 200 and told.data.get("ok"):
            result = told.data.get("result")
            return f"{place['chat_id']}:{result.get('message_id')}" if isinstance(result, dict) else None
        raise _failed(told)

    @staticmethod
    async def _call(http: OutboundClient, part: Mapping[str, Any], place: Mapping[str, Any], settings: Settings, secrets: Secrets) -> Told:
        if not secrets.get(TOKEN):
            raise SendFailed("dead", "The channel has no bot token. Enter it in the channel's settings, then send again.", blocks=True)
        given = {name: value for name, value in part.items() if name != "method"}
        return await post(http, _method(settings, secrets, part["method"]), {**place, **given})

    async def show_typing(
        self, http: OutboundClient, contact_id: str, place: Mapping[str, Any], settings: Settings, secrets: Secrets
    ) -> None:
        """For five seconds, or until the answer comes."""
        told = await self._call(
            http, {"method": "sendChatAction", "action": "typing"}, dict(place) or {"chat_id": contact_id}, settings, secrets
        )
        if not told.data.get("ok"):
            raise _failed(told)

    async def check(self, http: OutboundClient, settings: Settings, secrets: Secrets) -> Sequence[Finding]:
        """Who the token belongs to."""
        told = await ask(http, "POST", _method(settings, secrets, "getMe"), {})
        if isinstance(told, Finding):
            return [told]
        if not told.data.get("ok"):
            return [Finding("error", "Bot token", f"Telegram says {_description(told)}. Copy the token from @BotFather again.")]
        name = str(told.data["result"].get("username", ""))
        return [Finding("ok", "Bot token", f"It belongs to @{name}.", {"bot_username": name})]

    async def connect(self, http: OutboundClient, hook_url: str, settings: Settings, secrets: Secrets) -> Sequence[Finding]:
        """Tell Telegram our address and the secret, then ask how it fared lately."""
        wanted = {"url": hook_url, "secret_token": valid(secrets, SECRET)[0], "allowed_updates": UPDATES, "max_connections": 40}
        told = await ask(http, "POST", _method(settings, secrets, "setWebhook"), wanted)
        if isinstance(told, Finding):
            return [told]
        if not told.data.get("ok"):
            reason = f"Telegram does not take this server's address: {_description(told)}. It must be https and open to the internet."
            return [Finding("error", "Webhook", reason)]
        found = [Finding("ok", "Webhook", "Telegram sends messages to this server.")]
        told = await ask(http, "POST", _method(settings, secrets, "getWebhookInfo"), {})
        lately = {} if isinstance(told, Finding) else told.data.get("result") or {}
        if error := lately.get("last_error_message"):
            waiting = lately.get("pending_update_count", 0)
            found.append(
                Finding("warning", "Delivery", f"Telegram failed to reach this server lately: {error}. {waiting} messages wait there.")
            )
        return found

    async def fetch(self, http: OutboundClient, provider_ref: str, settings: Settings, secrets: Secrets) -> File:
        """A file by its `file_id`; Telegram gives out up to 20 MB."""
        if not secrets.get(TOKEN):
            raise NotFetched("The channel has no bot token.")
        told = await ask(http, "POST", _method(settings, secrets, "getFile"), {"file_id": provider_ref})
        if isinstance(told, Finding):
            raise NotFetched(told.message)
        result = told.data.get("result")
        path = str(result.get("file_path", "")) if isinstance(result, dict) else ""
        if not path or ".." in path.split("/"):
            raise NotFetched(_description(told))
        return await fetch_file(http, f"{_api(settings)}/file/bot{secrets[TOKEN]}/{quote(path)}")


def _in_plain_words(part: Mapping[str, Any]) -> dict[str, Any]:
    address = next((part[name] for method, name in METHODS.values() if method == part["method"]), "")
    words = as_plain(str(part.get("text") or part.get("caption") or ""))
    keyboard = {"reply_markup": part["reply_markup"]} if "reply_markup" in part else {}
    return {"method": "sendMessage", "text": f"{words}\n{address}".strip()} | keyboard


def _failed(told: Told) -> SendFailed:
    reason = _description(told)
    if told.status == 429:
        wait = _parameters(told).get("retry_after")
        return SendFailed("retry", f"Telegram asks to wait: {reason}.", float(wait) if isinstance(wait, int) else told.retry_after_s)
    if told.status >= 500:
        return SendFailed("retry", f"Telegram has trouble: {reason}.")
    if told.status in (401, 404):
        return SendFailed("retry", f"Telegram does not take the bot's token: {reason}. Run the channel's live check.", blocks=True)
    if told.status == 403:
        return SendFailed("dead", f"The customer does not want messages of the bot: {reason}.")
    return SendFailed("dead", f"Telegram does not take this message: {reason}.")


def _description(told: Told) -> str:
    return str(told.data.get("description") or f"answer {told.status}")[:200].rstrip(".")


def _parameters(told: Told) -> Mapping[str, Any]:
    found = told.data.get("parameters")
    return found if isinstance(found, dict) else {}


def _method(settings: Settings, secrets: Secrets, method: str) -> str:
    return f"{_api(settings)}/bot{secrets.get(TOKEN, '')}/{method}"


def _api(settings: Settings) -> str:
    return str(settings.get("api_url") or API_URL).rstrip("/")


adapter = TelegramAdapter()
