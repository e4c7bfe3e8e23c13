"""Access tokens for the connector, by the bot's own secret (OAuth 2.0 client credentials, RFC 6749 section 4.4): kept until they end."""

import asyncio
import hashlib
import re
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from server.channels.contract import Secrets, Settings, valid
from server.channels.payload import text_of
from server.channels.provider import Told, told
from server.channels.teams.proof import issuer_of
from server.kit import clock
from server.kit.http import OutboundClient, OutboundFailed, OutboundRefused

LOGIN_URL = "https://login.microsoftonline.com"
OLD_BOTS = "botframework.com"
"""The directory of bots that belong to no tenant: those registered as multi-tenant before August 2025."""
PASSWORD = "app_password"
EARLY = timedelta(minutes=5)
"""A token is not used in its last minutes: it must not end on the way."""
MOST_KEPT = 1_000
TIMEOUT_S = 10.0
MOST_BYTES = 64_000

_CODE = re.compile(r"AADSTS\d{4,9}", re.ASCII)
_ADVICE = {
    "AADSTS7000215": (
        "Client secret",
        "Microsoft does not know it. Copy the secret's value, not its id; the value is shown only when the secret is made.",
    ),
    "AADSTS7000222": ("Client secret", "It has expired. Make a new one in your app registration, page Certificates & secrets."),
    "AADSTS700016": (
        "App id",
        "There is no such app in this directory. Copy the Application (client) id and the Directory (tenant) id again.",
    ),
    "AADSTS7000229": ("App id", "The app has no service principal in this directory. Open it once under Enterprise applications."),
    "AADSTS90002": ("Directory id", "There is no such directory. Copy the Directory (tenant) id again."),
    "AADSTS900023": ("Directory id", "This is no id of a directory. Copy the Directory (tenant) id again."),
}


class NoToken(Exception):
    """No token was got. `again`: it may be had later without anybody mending the channel. `title` is the field to look at."""

    def __init__(self, title: str, reason: str, *, again: bool, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.title = title
        self.again = again
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    ends_at: datetime


class AccessTokens:
    """Keeps the tokens of many bots. One for each process; safe to use from many tasks of one event loop."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Token] = OrderedDict()
        self._asking: dict[str, asyncio.Task[_Token]] = {}

    async def get(self, http: OutboundClient, settings: Settings, secrets: Secrets) -> str:
        """A token that is good for some minutes; raises NoToken. While a secret is rotated, the old one counts if the new does not yet."""
        passwords = valid(secrets, PASSWORD)
        name = _name(settings, passwords)
        kept = self._kept.get(name)
        if kept is not None and clock.now() < kept.ends_at:
            return kept.text
        asking = self._asking.get(name)
        if asking is None or asking.done():
            asking = self._asking[name] = asyncio.create_task(_ask(http, settings, passwords))
            asking.add_done_callback(lambda task: self._got(name, task))
        return (await asyncio.shield(asking)).text

    def drop(self, settings: Settings, secrets: Secrets, token: str) -> None:
        """Forget a token that the connector did not take."""
        name = _name(settings, valid(secrets, PASSWORD))
        if (kept := self._kept.get(name)) is not None and kept.text == token:
            del self._kept[name]

    def _got(self, name: str, task: asyncio.Task[_Token]) -> None:
        self._asking.pop(name, None)
        if task.cancelled() or task.exception() is not None:
            return
        self._kept[name] = task.result()
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)


def _name(settings: Settings, passwords: list[str]) -> str:
    """What a token is kept under: a channel with another secret has another token."""
    parts = [_token_url(settings), _scope(settings), str(settings.get("app_id", "")), *passwords]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _token_url(settings: Settings) -> str:
    login = str(settings.get("login_url") or LOGIN_URL).rstrip("/")
    return f"{login}/{quote(str(settings.get('tenant_id') or OLD_BOTS), safe='')}/oauth2/v2.0/token"


def _scope(settings: Settings) -> str:
    return f"{issuer_of(settings)}/.default"


async def _ask(http: OutboundClient, settings: Settings, passwords: list[str]) -> _Token:
    for number, password in enumerate(passwords, start=1):
        try:
            return await _ask_with(http, settings, password)
        except NoToken as refused:
            if refused.again or number == len(passwords):
                raise
    raise NoToken("Client secret", "It is missing.", again=False)


async def _ask_with(http: OutboundClient, settings: Settings, password: str) -> _Token:
    form = {
        "grant_type": "client_credentials",
        "client_id": str(settings.get("app_id", "")),
        "client_secret": password,
        "scope": _scope(settings),
    }
    kind = {"content-type": "application/x-www-form-urlencoded"}
    asked_at = clock.now()
    try:
        answer = told(
            await http.request(
                "POST", _token_url(settings), headers=kind, body=urlencode(form).encode(), timeout_s=TIMEOUT_S, max_bytes=MOST_BYTES
            )
        )
    except OutboundRefused as refused:
        raise NoToken("Connection", str(refused), again=False) from None
    except OutboundFailed as failed:
        raise NoToken("Connection", f"Microsoft's login cannot be reached: {failed}", again=True) from None
    token, lasts = text_of(answer.data, "access_token"), answer.data.get("expires_in")
    if answer.status != 200 or not token or not token.isascii():
        raise _refusal(answer)
    seconds = int(lasts) if isinstance(lasts, int | str) and str(lasts).isdecimal() and len(str(lasts)) < 8 else 0
    return _Token(token, asked_at + timedelta(seconds=seconds) - EARLY)


def _refusal(answer: Told) -> NoToken:
    if answer.status == 429 or answer.status >= 500:
        return NoToken("Connection", f"Microsoft's login asks to wait: answer {answer.status}.", again=True, wait_s=answer.retry_after_s)
    described = text_of(answer.data, "error_description")
    code = _CODE.match(described)
    if code is not None and code[0] in _ADVICE:
        title, advice = _ADVICE[code[0]]
        return NoToken(title, f"{advice} ({code[0]})", again=False)
    said = described.partition("\r")[0].partition("Trace ID")[0].strip()[:300] or f"answer {answer.status}"
    return NoToken("Client secret", f"Microsoft's login says: {said.rstrip('.')}.", again=False)
