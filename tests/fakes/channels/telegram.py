"""Telegram's Bot API as core.telegram.org/bots/api describes it, and its updates."""

import html
import json
import re
import time
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx

from tests.conversations.chat_script import Said
from tests.fakes.channels.provider import FakeProvider, Refused
from tests.fakes.http import Request

TOKEN = "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"
CUSTOMER = {"id": 1111111, "is_bot": False, "first_name": "Ana", "language_code": "en"}
CHAT = {"id": 1111111, "type": "private", "first_name": "Ana"}
FILE = b"%PDF-1.4 a receipt"
MEDIA = {"sendPhoto": "photo", "sendAudio": "audio", "sendVideo": "video", "sendDocument": "document"}


class FakeTelegram(FakeProvider):
    """One bot and one customer in a private chat. `wants` is the secret it was told for the webhook."""

    kind = "telegram"

    def __init__(self) -> None:
        super().__init__()
        self.wants = ""
        self.hook = ""
        self.last_error = ""
        self.keyboards: dict[str, tuple[str, dict[str, Any]]] = {}
        self.answered: list[str] = []
        self.typed = 0

    @property
    def settings(self) -> dict[str, str]:
        """Only another address of the API."""
        return {"api_url": self.url}

    @property
    def secrets(self) -> dict[str, str]:
        """The token; the webhook's secret is made by the server."""
        return {"bot_token": TOKEN}

    def sends(self, request: Request) -> bool:
        """Whether a message is sent."""
        return "/send" in request.path and not request.path.endswith("/sendChatAction")

    def take(self, request: Request) -> Any:
        """Answer as the Bot API does."""
        if unquote(request.path) == f"/file/bot{TOKEN}/documents/receipt.pdf":
            return FILE
        prefix, _, method = request.path.rpartition("/")
        if prefix != f"/bot{TOKEN}":
            raise _refused(401, "Unauthorized")
        given = _given(request)
        match method:
            case "getMe":
                return _ok({"id": 123456, "is_bot": True, "first_name": "Acme", "username": "acme_bot"})
            case "setWebhook":
                if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", given["secret_token"]):
                    raise _refused(400, "Bad Request: secret token contains unallowed characters")
                self.wants, self.hook = given["secret_token"], given["url"]
                return _ok(True)
            case "getWebhookInfo":
                failed = {"last_error_message": self.last_error} if self.last_error else {}
                return _ok({"url": self.hook, "has_custom_certificate": False, "pending_update_count": 3, **failed})
            case "getFile":
                return _ok({"file_id": given["file_id"], "file_unique_id": "AgADBQ", "file_path": "documents/receipt.pdf"})
            case "sendChatAction":
                if str(given.get("chat_id")) != str(CHAT["id"]) or given.get("action") != "typing":
                    raise _refused(400, "Bad Request: wrong parameter action in request")
                self.typed += 1
                return _ok(True)
        return self._send(method, given)

    def _send(self, method: str, given: dict[str, Any]) -> Any:
        if str(given.get("chat_id")) != str(CHAT["id"]):
            raise _refused(400, "Bad Request: chat not found")
        shown = _plain(given.get("text" if method == "sendMessage" else "caption", ""), given.get("parse_mode"))
        if method == "sendMessage" and not 1 <= _units(shown) <= 4096:
            raise _refused(400, "Bad Request: message is too long" if shown else "Bad Request: message text is empty")
        if method in MEDIA and _units(shown) > 1024:
            raise _refused(400, "Bad Request: message caption is too long")
        if method in MEDIA and not given[MEDIA[method]].startswith("https://"):
            raise _refused(400, "Bad Request: wrong HTTP URL specified")
        buttons = [button for row in given.get("reply_markup", {}).get("inline_keyboard", []) for button in row]
        if len(buttons) > 100 or any(not 1 <= len(button.get("callback_data", "x").encode()) <= 64 for button in buttons):
            raise _refused(400, "Bad Request: BUTTON_DATA_INVALID")
        self.calls.append({"method": method, **given})
        self._show(method, shown, buttons, given.get("reply_markup", {}))
        return _ok({"message_id": len(self.calls), "date": int(time.time()), "chat": CHAT})

    def _show(self, method: str, shown: str, buttons: list[dict[str, Any]], markup: dict[str, Any]) -> None:
        """Cards come one by one under their text; a script tells them with it. A picture alone belongs to the text before it."""
        for button in buttons:
            self.keyboards[button["text"]] = (button.get("callback_data", ""), markup)
        if method == "sendPhoto" and self.said:
            if buttons:
                last = self.said[-1]
                self.said[-1] = Said(last.text, last.choices, (*last.cards, shown.partition("\n")[0]))
            return
        self.said.append(Said(shown, tuple(button["text"] for button in buttons)))

    def update(self, **told: Any) -> httpx.Request:
        """An update as it is posted."""
        self.sent += 1
        body = json.dumps({"update_id": 10_000 + self.sent, **told})
        headers = {"content-type": "application/json", "x-telegram-bot-api-secret-token": self.wants}
        return httpx.Request("POST", "http://hook/", content=body, headers=headers)

    def message(self, **told: Any) -> httpx.Request:
        """A message of the customer."""
        return self.update(message={"message_id": self.sent, "date": int(time.time()), "chat": CHAT, "from": CUSTOMER, **told})

    def writes(self, text: str) -> httpx.Request:
        """A text."""
        return self.message(text=text)

    def gives(self, name: str, media_type: str) -> httpx.Request:
        """A document."""
        return self.message(
            document={"file_id": "BQACAgI", "file_unique_id": "AgADBQ", "file_name": name, "mime_type": media_type, "file_size": len(FILE)}
        )

    def presses(self, label: str) -> httpx.Request:
        """A press of a button of an inline keyboard."""
        data, markup = self.keyboards[label]
        message = {"message_id": 1, "date": int(time.time()), "chat": CHAT, "reply_markup": markup}
        pressed = {"id": f"query{self.sent}", "from": CUSTOMER, "chat_instance": "1", "message": message, "data": data}
        return self.update(callback_query=pressed)


def _given(request: Request) -> dict[str, Any]:
    """What a call says: as JSON, or as a form whose objects are JSON."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return request.json if request.body else {}
    given: dict[str, Any] = dict(parse_qsl(request.body.decode()))
    return given | {name: json.loads(given[name]) for name in ("reply_markup", "allowed_updates") if name in given}


def _plain(text: str, parse_mode: str | None) -> str:
    """The text without its marks; what is no HTML is refused."""
    if parse_mode != "HTML":
        return text
    bare = re.sub(r"</?b>|<a href=\"[^\"<>]*\">|</a>", "", text)
    if "<" in bare or re.search(r"&(?!amp;|lt;|gt;|quot;|#)", bare):
        raise _refused(400, "Bad Request: can't parse entities: unsupported start tag")
    return html.unescape(bare)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _ok(result: Any) -> dict[str, Any]:
    return {"ok": True, "result": result}


def _refused(status: int, description: str) -> Refused:
    return Refused(status, {"ok": False, "error_code": status, "description": description})
