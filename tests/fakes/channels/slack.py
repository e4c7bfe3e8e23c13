"""Slack: the Web API as docs.slack.dev describes it, and the Events API and interactivity as it posts them."""

import hmac
import html
import json
import time
from typing import Any
from urllib.parse import urlencode

import httpx

from tests.conversations.chat_script import Said
from tests.fakes.channels.provider import FakeProvider, Refused
from tests.fakes.http import Request

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
TOKEN = "xoxb-1-2-abc"
TEAM, APP, BOT, USER, DIRECT = "T1", "A1", "U0BOT", "U1", "D1"
ALL_SCOPES = "chat:write,im:history,app_mentions:read,files:read,users:read"
FILE = b"%PDF-1.4 a receipt"


def signed(body: str, content_type: str, at: float | None = None, secret: str = SECRET) -> dict[str, str]:
    """The headers of a request of Slack."""
    timestamp = str(int(time.time() if at is None else at))
    proof = hmac.digest(secret.encode(), f"v0:{timestamp}:{body}".encode(), "sha256").hex()
    return {"content-type": content_type, "x-slack-request-timestamp": timestamp, "x-slack-signature": f"v0={proof}"}


class FakeSlack(FakeProvider):
    """One workspace, one app, one person in a direct message."""

    kind = "slack"

    def __init__(self) -> None:
        super().__init__()
        self.scopes = ALL_SCOPES
        self.buttons: dict[str, dict[str, Any]] = {}

    @property
    def settings(self) -> dict[str, str]:
        """As the person in the wizard enters them; the ids are found out by the live check."""
        return {"api_url": f"{self.url}/api"}

    @property
    def secrets(self) -> dict[str, str]:
        """The app's credentials."""
        return {"signing_secret": SECRET, "bot_token": TOKEN}

    def sends(self, request: Request) -> bool:
        """Whether a message is posted."""
        return request.path == "/api/chat.postMessage"

    def take(self, request: Request) -> Any:
        """Answer as Slack does: with 200 also when it refuses."""
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            raise Refused(200, {"ok": False, "error": "invalid_auth"})
        match request.path.partition("?")[0]:
            case "/api/auth.test":
                return {"ok": True, "team": "Acme", "team_id": TEAM, "user": "assistant", "user_id": BOT, "bot_id": "B1"}
            case "/api/bots.info":
                return {"ok": True, "bot": {"id": "B1", "app_id": APP}}
            case "/api/chat.postMessage":
                return self._post(request.json)
            case "/files/receipt":
                return FILE
        raise Refused(404, {"ok": False, "error": "unknown_method"})

    def _post(self, message: dict[str, Any]) -> dict[str, Any]:
        if wrong := _wrong_with(message):
            raise Refused(200, {"ok": False, "error": wrong})
        self.calls.append(message)
        self.said.append(self._shown(message))
        return {"ok": True, "channel": message["channel"], "ts": f"1700000000.{len(self.calls):06d}"}

    def _shown(self, message: dict[str, Any]) -> Said:
        """What the person sees, as a script tells it."""
        words, labels, titles = [], [], []
        for block in message.get("blocks", [{"type": "section", "text": {"text": message["text"]}}]):
            if block["type"] == "actions":
                for element in block["elements"]:
                    self.buttons[element["text"]["text"]] = element
                    if element["action_id"].startswith("choice"):
                        labels.append(element["text"]["text"])
            elif block["type"] == "section" and block["text"]["text"].startswith("*"):
                titles.append(block["text"]["text"].partition("\n")[0].strip("*"))
            elif block["type"] == "section":
                words.append(block["text"]["text"])
        return Said(html.unescape("\n".join(words)), tuple(labels), tuple(titles))

    def _ts(self) -> str:
        self.sent += 1
        return f"{time.time():.3f}{self.sent:03d}"

    def event(self, event: dict[str, Any]) -> httpx.Request:
        """An event about the person's direct message."""
        told = {"channel_type": "im", "channel": DIRECT, "user": USER, "ts": self._ts(), **event}
        body = json.dumps({"type": "event_callback", "team_id": TEAM, "api_app_id": APP, "event_id": f"Ev{self.sent}", "event": told})
        return httpx.Request("POST", "http://hook/", content=body, headers=signed(body, "application/json"))

    def writes(self, text: str) -> httpx.Request:
        """`message.im`."""
        escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return self.event({"type": "message", "text": escaped})

    def gives(self, name: str, media_type: str) -> httpx.Request:
        """`message.im` with a file; it is fetched with the bot's token."""
        file = {"id": "F1", "name": name, "mimetype": media_type, "size": len(FILE), "url_private_download": f"{self.url}/files/receipt"}
        return self.event({"type": "message", "subtype": "file_share", "text": "", "files": [file]})

    def presses(self, label: str) -> httpx.Request:
        """`block_actions`."""
        button, ts = self.buttons[label], self._ts()
        told = {
            "type": "block_actions",
            "team": {"id": TEAM},
            "api_app_id": APP,
            "user": {"id": USER},
            "channel": {"id": DIRECT},
            "message": {"ts": "1700000000.000001"},
            "actions": [{**button, "action_ts": ts}],
            "trigger_id": f"1.2.{self.sent}",
        }
        body = urlencode({"payload": json.dumps(told)})
        return httpx.Request("POST", "http://hook/", content=body, headers=signed(body, "application/x-www-form-urlencoded"))


def _wrong_with(message: dict[str, Any]) -> str:
    """The error that Slack answers to a message that breaks its rules."""
    if not message.get("channel"):
        return "channel_not_found"
    if not message.get("text") and not message.get("blocks"):
        return "no_text"
    if len(message.get("text", "")) > 40_000:
        return "msg_too_long"
    blocks = message.get("blocks", [])
    if len(blocks) > 50 or any(not _is_block(block) for block in blocks):
        return "invalid_blocks"
    ids = [element["action_id"] for block in blocks if block["type"] == "actions" for element in block["elements"]]
    return "" if len(ids) == len(set(ids)) else "invalid_blocks"


def _is_block(block: dict[str, Any]) -> bool:
    match block["type"]:
        case "section":
            pictured = block.get("accessory", {"type": "image", "image_url": "https://", "alt_text": "x"})
            return 1 <= len(block["text"]["text"]) <= 3_000 and _is_image(pictured)
        case "image":
            return _is_image(block)
        case "actions":
            return 1 <= len(block["elements"]) <= 25 and all(_is_element(element) for element in block["elements"])
    return False


def _is_image(block: dict[str, Any]) -> bool:
    return block["image_url"].startswith("https://") and len(block["image_url"]) <= 3_000 and 1 <= len(block["alt_text"]) <= 2_000


def _is_element(element: dict[str, Any]) -> bool:
    if element["type"] == "static_select":
        options = element["options"]
        return 1 <= len(options) <= 100 and all(_is_label(one["text"]) and 1 <= len(one["value"]) <= 150 for one in options)
    fits = len(element.get("value", "")) <= 2_000 and len(element.get("url", "")) <= 3_000
    return element["type"] == "button" and _is_label(element["text"]) and len(element["action_id"]) <= 255 and fits


def _is_label(text: dict[str, Any]) -> bool:
    return text["type"] == "plain_text" and 1 <= len(text["text"]) <= 75
