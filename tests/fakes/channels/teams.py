"""Microsoft Teams: the login, the OpenID metadata and the Bot Connector as learn.microsoft.com describes them, and activities it signs."""

import html
import json
import time
from collections import deque
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.conversations.chat_script import Said
from tests.fakes.channels.provider import FakeProvider, Refused
from tests.fakes.http import Request

APP, TENANT = "11111111-2222-3333-4444-555555555555", "aaaaaaaa-0000-4000-8000-00000000000a"
PASSWORD = "abc8Q~the-value-of-a-secret"
BOT, USER, CHAT = f"28:{APP}", "29:1u_1", "a:1pL6i0oY3C0K8oAj8;1"
ISSUER = "https://api.botframework.com"
KEY_ID = "fake-key-1"
FILE = b"%PDF-1.4 a receipt"
MOST_BYTES = 28 * 1024
RATES = ((1, 7), (2, 8), (30, 60))
"""Seconds, and the messages that a bot may send to one conversation within them."""


@cache
def signing_key() -> rsa.RSAPrivateKey:
    """The connector's key: one for the whole run, for it takes a while to make."""
    return rsa.generate_private_key(65537, 2048)


class FakeTeams(FakeProvider):
    """One bot in one organisation, one person in the bot's own chat."""

    kind = "teams"

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[dict[str, Any]] = [published_key()]
        self.passwords = {PASSWORD}
        self.tokens: list[str] = []
        self.lasts_s = 3_600
        self.chats = {CHAT}
        self.actions: dict[str, dict[str, Any]] = {}
        self.typed = 0
        self._times: deque[float] = deque(maxlen=RATES[-1][1])

    @property
    def settings(self) -> dict[str, str]:
        """As the person in the wizard enters them, and the addresses of another cloud."""
        return {
            "app_id": APP,
            "tenant_id": TENANT,
            "openid_url": self.openid_url,
            "login_url": self.url,
            "service_url": self.service_url,
        }

    @property
    def secrets(self) -> dict[str, str]:
        """The bot's own."""
        return {"app_password": PASSWORD}

    @property
    def openid_url(self) -> str:
        """Where the metadata are."""
        return f"{self.url}/v1/.well-known/openidconfiguration"

    @property
    def service_url(self) -> str:
        """The connector's service of this region."""
        return f"{self.url}/emea/"

    def sends(self, request: Request) -> bool:
        """Whether a message is posted."""
        return request.method == "POST" and "/v3/conversations/" in request.path and b'"typing"' not in request.body

    def take(self, request: Request) -> Any:
        """Answer as Microsoft does."""
        match request.method, request.path.partition("?")[0].strip("/").split("/"):
            case "GET", ["v1", ".well-known", "openidconfiguration"]:
                return {"issuer": ISSUER, "jwks_uri": f"{self.url}/v1/.well-known/keys", "id_token_signing_alg_values_supported": ["RS256"]}
            case "GET", ["v1", ".well-known", "keys"]:
                return {"keys": self.keys}
            case "GET", [tenant, "v2.0", ".well-known", "openid-configuration"]:
                login = f"https://login.microsoftonline.com/{tenant}"
                endpoints = {"authorization_endpoint": f"{login}/oauth2/v2.0/authorize", "token_endpoint": f"{login}/oauth2/v2.0/token"}
                return {"issuer": f"{login}/v2.0", **endpoints}
            case "POST", [tenant, "oauth2", "v2.0", "token"]:
                return self._sign_in(tenant, {name: values[0] for name, values in parse_qs(request.body.decode()).items()})
        if not self.tokens or request.headers.get("authorization") != f"Bearer {self.tokens[-1]}":
            raise Refused(401, {"message": "Authorization has been denied for this request."})
        match request.method, request.path.partition("?")[0].strip("/").split("/"):
            case "GET", ["emea", "v3", "attachments", "receipt", "views", "original"]:
                return FILE
            case "POST", ["emea", "v3", "conversations", conversation, "activities", *_]:
                return self._post(unquote(conversation), request)
        raise error(404, "NotFound", "Unknown path")

    def _sign_in(self, tenant: str, form: dict[str, str]) -> dict[str, Any]:
        if form.get("grant_type") != "client_credentials" or form.get("scope") != f"{ISSUER}/.default":
            raise login_error(70011, "invalid_scope", "The provided request must include a 'scope' input parameter.")
        if tenant != TENANT or form.get("client_id") != APP:
            said = f"Application with identifier '{form.get('client_id')}' was not found in the directory '{tenant}'."
            raise login_error(700016, "unauthorized_client", said)
        if form.get("client_secret") not in self.passwords:
            raise login_error(7000215, "invalid_client", "Invalid client secret provided.", 401)
        self.tokens.append(f"eyJ0.{len(self.tokens)}.x")
        return {"token_type": "Bearer", "expires_in": self.lasts_s, "ext_expires_in": self.lasts_s, "access_token": self.tokens[-1]}

    def _post(self, conversation: str, request: Request) -> dict[str, Any]:
        activity = request.json
        if conversation not in self.chats or activity["conversation"]["id"] != conversation:
            raise error(404, "ConversationNotFound", "Conversation not found.")
        if activity["type"] == "typing":
            self.typed += 1
            return {"id": f"t{self.typed}"}
        if len(request.body) > MOST_BYTES:
            raise error(413, "MessageSizeTooBig", "Message size too large.")
        if wrong := _wrong_with(activity):
            raise error(400, "BadArgument", wrong)
        now = time.monotonic()
        if any(sum(now - at < seconds for at in self._times) >= most for seconds, most in RATES):
            raise error(429, "TooManyRequests", "API calls quota exceeded.")
        self._times.append(now)
        self.calls.append(activity)
        self.said.append(self._shown(activity))
        return {"id": str(1_700_000_000_000 + len(self.calls))}

    def _shown(self, activity: dict[str, Any]) -> Said:
        """What the person sees, as a script tells it."""
        words, labels, titles = [html.unescape(activity.get("text", ""))], [], []
        is_carousel = activity.get("attachmentLayout") == "carousel"
        for element in (element for one in activity.get("attachments", []) for element in one["content"]["body"]):
            if element["type"] == "TextBlock" and is_carousel:
                titles += [element["text"]] if element.get("weight") == "bolder" else []
            elif element["type"] == "TextBlock":
                words.append(element["text"])
            for action in element.get("actions", []):
                self.actions[action["title"]] = action
                labels += [] if is_carousel else [action["title"]]
        return Said("\n".join(part for part in words if part), tuple(labels), tuple(titles))

    def token(self, drop: str = "", key: rsa.RSAPrivateKey | None = None, key_id: str = KEY_ID, **claims: Any) -> str:
        """A token of the connector; `claims` are laid over the right ones, `drop` leaves one out."""
        now = int(time.time())
        right = {"iss": ISSUER, "aud": APP, "nbf": now - 60, "exp": now + 3_600, "serviceurl": self.service_url}
        told = {name: value for name, value in (right | claims).items() if name != drop}
        return jwt.encode(told, key or signing_key(), "RS256", headers={"kid": key_id})

    def activity(self, **told: Any) -> dict[str, Any]:
        """What the person does in the bot's own chat."""
        self.sent += 1
        return {
            "type": "message",
            "id": str(1_690_000_000_000 + self.sent),
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "channelId": "msteams",
            "serviceUrl": self.service_url,
            "from": {"id": USER, "name": "Ada Lovelace", "aadObjectId": "bbbbbbbb-0000-4000-8000-00000000000b"},
            "conversation": {"id": CHAT, "conversationType": "personal", "tenantId": TENANT},
            "recipient": {"id": BOT, "name": "Assistant"},
            "channelData": {"tenant": {"id": TENANT}},
            "locale": "en-US",
            **told,
        }

    def posts(self, activity: dict[str, Any]) -> httpx.Request:
        """The connector's request."""
        headers = {"content-type": "application/json; charset=utf-8", "authorization": f"Bearer {self.token()}"}
        return httpx.Request("POST", "http://hook/", content=json.dumps(activity).encode(), headers=headers)

    def writes(self, text: str) -> httpx.Request:
        """A message."""
        return self.posts(self.activity(text=text, attachments=[{"contentType": "text/html", "content": f"<p>{html.escape(text)}</p>"}]))

    def gives(self, name: str, media_type: str) -> httpx.Request:
        """A file, got with the bot's token as pictures in the text are."""
        file = {
            "downloadUrl": f"{self.url}/emea/v3/attachments/receipt/views/original",
            "uniqueId": "1",
            "fileType": name.rpartition(".")[2],
        }
        attached = {"contentType": "application/vnd.microsoft.teams.file.download.info", "name": name, "content": file}
        return self.posts(self.activity(attachments=[attached]))

    def presses(self, label: str) -> httpx.Request:
        """A button on a card: it comes as a message with what the button holds."""
        data = self.actions[label]["data"]
        said = data["msteams"]
        value = {name: part for name, part in data.items() if name != "msteams"} | said["value"]
        return self.posts(self.activity(text=said["text"], value=value, replyToId="1700000000001"))


def published_key(
    key: rsa.RSAPrivateKey | None = None, key_id: str = KEY_ID, endorsements: tuple[str, ...] = ("msteams",)
) -> dict[str, Any]:
    """A key as the connector publishes it."""
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk((key or signing_key()).public_key()))
    return {**public, "use": "sig", "kid": key_id, "x5t": key_id, "endorsements": list(endorsements)}


def error(status: int, code: str, message: str) -> Refused:
    """An error of the connector."""
    return Refused(status, {"error": {"code": code, "message": message}})


def login_error(code: int, name: str, message: str, status: int = 400) -> Refused:
    """An error of the login."""
    described = f"AADSTS{code}: {message} Trace ID: 0 Correlation ID: 0 Timestamp: 2026-01-01 00:00:00Z"
    return Refused(status, {"error": name, "error_description": described, "error_codes": [code]})


def _wrong_with(activity: dict[str, Any]) -> str:
    """Why Teams does not take an activity; empty when it does."""
    attachments = activity.get("attachments", [])
    if activity["type"] != "message" or activity["from"]["id"] != BOT:
        return "Not a message of this bot"
    if not activity.get("text") and not attachments:
        return "Missing text or attachments"
    if activity.get("textFormat", "markdown") not in ("markdown", "plain", "xml") or len(attachments) > 10:
        return "Unknown textFormat, or too many attachments"
    return next((wrong for one in attachments if (wrong := _wrong_with_card(one))), "")


def _wrong_with_card(attachment: dict[str, Any]) -> str:
    content = attachment["content"]
    if attachment["contentType"] != "application/vnd.microsoft.card.adaptive" or content["type"] != "AdaptiveCard":
        return "Unknown attachment type"
    if content["version"] not in ("1.2", "1.3", "1.4", "1.5") or not content["body"]:
        return "Unsupported card"
    return next((f"Unsupported element {element['type']}" for element in content["body"] if not _is_element(element)), "")


def _is_element(element: dict[str, Any]) -> bool:
    match element["type"]:
        case "TextBlock":
            return bool(element["text"])
        case "Image":
            return element["url"].startswith("https://") and bool(element["altText"])
        case "ActionSet":
            return 1 <= len(element["actions"]) <= 6 and all(_is_action(action) for action in element["actions"])
        case "Input.ChoiceSet":
            return bool(element["id"]) and all(one["title"] and one["value"] for one in element["choices"])
    return False


def _is_action(action: dict[str, Any]) -> bool:
    if action["type"] == "Action.OpenUrl":
        return bool(action["title"]) and action["url"].startswith(("https://", "http://"))
    back = action.get("data", {}).get("msteams", {"type": "messageBack"})
    return action["type"] == "Action.Submit" and bool(action["title"]) and back["type"] == "messageBack"
