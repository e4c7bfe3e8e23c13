"""The Send API for a page as developers.facebook.com describes it, and the webhooks that Meta signs."""

import hmac
import json
import time
from typing import Any

import httpx

from tests.conversations.chat_script import Said
from tests.fakes.channels.graph_api import APP_ID, APP_SECRET, about_token, error, subscriptions
from tests.fakes.channels.provider import FakeProvider
from tests.fakes.http import Request

PAGE, PSID = "104212345678901", "6543210987654321"
TOKEN = "EAAGpage0PX4ZCpsBA"
FIELDS = ("messages", "messaging_postbacks", "message_deliveries", "message_reads")
WINDOW_S = 24 * 3600
FILE = b"%PDF-1.4 a receipt"


class FakeMessenger(FakeProvider):
    """One page and one customer. Answers are taken within 24 hours of the customer's last message only."""

    kind = "messenger"

    def __init__(self) -> None:
        super().__init__()
        self.heard_at = 0.0
        self.page = PAGE
        self.scopes = ("pages_messaging", "pages_manage_metadata")
        self.token_ends = 0
        self.actions: list[str] = []
        self.subscribed: tuple[str, ...] = ()
        self.profile: dict[str, Any] = {}
        self.choices: dict[str, tuple[bool, dict[str, str]]] = {}

    @property
    def settings(self) -> dict[str, str]:
        """The page, and another address of the API."""
        return {"page_id": PAGE, "graph_url": f"{self.url}/v26.0", "menu": "Track my order | Shop = https://shop.example"}

    @property
    def secrets(self) -> dict[str, str]:
        """The app's and the page's; the verify token is made by the server."""
        return {"app_secret": APP_SECRET, "access_token": TOKEN}

    def sends(self, request: Request) -> bool:
        """Whether a message is sent."""
        return request.path == f"/v26.0/{PAGE}/messages" and "message" in request.json

    def take(self, request: Request) -> Any:
        """Answer as the Graph API does."""
        path, _, query = request.path.removeprefix("/v26.0/").partition("?")
        token = request.headers.get("authorization")
        if path == f"{APP_ID}/subscriptions" and token == f"Bearer {APP_ID}|{APP_SECRET}":
            return {"data": subscriptions("page", self.hook_url, *FIELDS)}
        if path == "debug_token" and token == f"Bearer {APP_ID}|{APP_SECRET}" and query == f"input_token={TOKEN}":
            return {"data": about_token(self.scopes, PAGE, self.token_ends)}
        if path.startswith("/v/t59.2708-21/"):
            return FILE
        if token != f"Bearer {TOKEN}":
            raise error(401, 190, "Invalid OAuth access token")
        proof = hmac.digest(APP_SECRET.encode(), TOKEN.encode(), "sha256").hex()
        if "appsecret_proof=" in query and not query.endswith(f"appsecret_proof={proof}"):
            raise error(400, 100, "Invalid appsecret_proof provided in the API argument")
        match request.method, path.split("/"):
            case "POST", [page, "messages"] if page == PAGE:
                return self._act(request.json) if "sender_action" in request.json else self._send(request.json)
            case "GET", ["me"]:
                return {"id": self.page, "name": "Acme"}
            case "GET", ["app"]:
                return {"id": APP_ID}
            case "POST", [page, "subscribed_apps"] if page == PAGE:
                self.subscribed = tuple(query.removeprefix("subscribed_fields=").split(","))
                return {"success": True}
            case "POST", [page, "messenger_profile"] if page == PAGE:
                if "persistent_menu" in request.json and not (self.profile | request.json).get("get_started"):
                    raise error(400, 100, "You must set a Get Started button if you also wish to use persistent menu")
                self.profile |= request.json
                return {"result": "success"}
            case "DELETE", [page, "messenger_profile"] if page == PAGE:
                for name in request.json["fields"]:
                    self.profile.pop(name, None)
                return {"result": "success"}
        raise error(400, 100, "Unsupported get request. Object with that id does not exist")

    def _act(self, told: dict[str, Any]) -> dict[str, Any]:
        if told["recipient"] != {"id": PSID} or told["sender_action"] not in ("typing_on", "typing_off", "mark_seen") or "message" in told:
            raise error(400, 100, "Invalid parameter")
        self.actions.append(told["sender_action"])
        return {"recipient_id": PSID}

    def _send(self, told: dict[str, Any]) -> dict[str, Any]:
        if told["recipient"] != {"id": PSID}:
            raise error(400, 100, "No matching user found", 2018001)
        if told.get("messaging_type") != "RESPONSE":
            raise error(400, 100, "messaging_type")
        if time.time() - self.heard_at > WINDOW_S:
            raise error(400, 10, "This message is sent outside of allowed window", 2018278)
        message = told["message"]
        if (wrong := _wrong_with(message)) is not None:
            raise error(400, 100, wrong)
        self.calls.append(message)
        self._show(message)
        return {"recipient_id": PSID, "message_id": f"m_B{len(self.calls)}"}

    def _show(self, message: dict[str, Any]) -> None:
        """Cards stand side by side in one message; a script tells them with the text before it."""
        replies = message.get("quick_replies", [])
        self.choices |= {reply["title"]: (True, reply) for reply in replies}
        titles = tuple(reply["title"] for reply in replies)
        payload = message.get("attachment", {}).get("payload", {})
        if "text" in message:
            self.said.append(Said(message["text"], titles))
        elif payload.get("template_type") == "generic":
            self._learn(button for element in payload["elements"] for button in element.get("buttons", []))
            last = self.said[-1]
            self.said[-1] = Said(last.text, last.choices, tuple(element["title"] for element in payload["elements"]))
        elif payload.get("template_type") == "button":
            self._learn(payload["buttons"])
            self.said.append(Said(payload["text"], tuple(button["title"] for button in payload["buttons"]) + titles))

    def _learn(self, buttons: Any) -> None:
        self.choices |= {button["title"]: (False, button) for button in buttons if button["type"] == "postback"}

    def event(self, **told: Any) -> httpx.Request:
        """Something that happened between the customer and the page, signed."""
        base = {"sender": {"id": PSID}, "recipient": {"id": PAGE}, "timestamp": int(time.time() * 1000)}
        entry = {"id": PAGE, "time": base["timestamp"], "messaging": [base | told]}
        body = json.dumps({"object": "page", "entry": [entry]})
        proof = "sha256=" + hmac.digest(APP_SECRET.encode(), body.encode(), "sha256").hex()
        return httpx.Request(
            "POST", "http://hook/", content=body, headers={"content-type": "application/json", "x-hub-signature-256": proof}
        )

    def message(self, **told: Any) -> httpx.Request:
        """A message of the customer: it opens the window."""
        self.sent += 1
        self.heard_at = time.time()
        return self.event(message={"mid": f"m_A{self.sent}", **told})

    def writes(self, text: str) -> httpx.Request:
        """A text."""
        return self.message(text=text)

    def presses(self, label: str) -> httpx.Request:
        """A quick reply, or a button of a template."""
        quick, button = self.choices[label]
        if quick:
            return self.message(text=button["title"], quick_reply={"payload": button["payload"]})
        self.sent += 1
        self.heard_at = time.time()
        return self.event(postback={"mid": f"m_A{self.sent}", "title": button["title"], "payload": button["payload"]})

    def gives(self, name: str, media_type: str) -> httpx.Request:
        """A file, at an address that needs no token."""
        url = f"{self.url}/v/t59.2708-21/{name}?oh=1"
        return self.message(attachments=[{"type": "file", "payload": {"url": url}}])


def _wrong_with(message: dict[str, Any]) -> str | None:
    """What breaks the rules for a message."""
    if ("text" in message) == ("attachment" in message) or len(message.get("metadata", "")) > 1_000:
        return "message"
    if "text" in message and not 1 <= len(message["text"]) <= 2_000:
        return "message.text"
    replies = message.get("quick_replies", [])
    if len(replies) > 13 or any(not _fits(one, 20, 1_000) or one["content_type"] != "text" for one in replies):
        return "message.quick_replies"
    if "quick_replies" in message and not replies:
        return "message.quick_replies"
    return _wrong_with_attachment(message["attachment"]) if "attachment" in message else None


def _wrong_with_attachment(attachment: dict[str, Any]) -> str | None:
    kind, payload = attachment["type"], attachment["payload"]
    if kind in ("image", "audio", "video", "file"):
        return None if payload["url"].startswith("https://") else "attachment.payload.url"
    if payload["template_type"] == "button":
        fits = 1 <= len(payload["text"]) <= 640 and 1 <= len(payload["buttons"]) <= 3
        return None if fits and all(_fits_button(button) for button in payload["buttons"]) else "button template"
    elements = payload["elements"]
    if payload["template_type"] != "generic" or not 1 <= len(elements) <= 10:
        return "template"
    return None if all(_fits_element(element) for element in elements) else "element"


def _fits_element(element: dict[str, Any]) -> bool:
    buttons = element.get("buttons", [])
    sizes = 1 <= len(element["title"]) <= 80 and len(element.get("subtitle", "")) <= 80 and len(buttons) <= 3
    return sizes and len(element) > 1 and ("buttons" not in element or bool(buttons)) and all(_fits_button(one) for one in buttons)


def _fits_button(button: dict[str, Any]) -> bool:
    if button["type"] == "web_url":
        return 1 <= len(button["title"]) <= 20 and button["url"].startswith("https://")
    return button["type"] == "postback" and _fits(button, 20, 1_000)


def _fits(button: dict[str, Any], title: int, payload: int) -> bool:
    return 1 <= len(button["title"]) <= title and 1 <= len(button["payload"]) <= payload
