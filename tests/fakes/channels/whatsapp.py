"""WhatsApp's Cloud API as developers.facebook.com describes it, and the webhooks that Meta signs."""

import hashlib
import hmac
import json
import time
from email.parser import BytesParser
from typing import Any
from urllib.parse import parse_qs

import httpx

from tests.conversations.chat_script import Said
from tests.fakes.channels.graph_api import APP_ID, APP_SECRET, about_token, error, subscriptions
from tests.fakes.channels.provider import FakeProvider
from tests.fakes.http import Request

NUMBER_ID, NUMBER, WABA = "106540352242922", "15550783881", "102290129340398"
PHONE, USER = "16505551234", "US.13491208655302741918"
TOKEN = "EAAGm0PX4ZCpsBA"
FILE = b"%PDF-1.4 a receipt"
SHA256 = hashlib.sha256(FILE).hexdigest()
WINDOW_S = 24 * 3600


class FakeWhatsApp(FakeProvider):
    """One number and one customer. Free messages are taken within 24 hours of the customer's last one only."""

    kind = "whatsapp"

    def __init__(self) -> None:
        super().__init__()
        self.heard_at = 0.0
        self.quality = "GREEN"
        self.read: list[str] = []
        self.typing: list[str] = []
        self.scopes = ("whatsapp_business_management", "whatsapp_business_messaging")
        self.token_ends = 0
        self.subscribed: list[str] = []
        self.uploads: dict[str, tuple[str, str]] = {}
        self.unreachable: set[str] = set()
        self.choices: dict[str, tuple[str, dict[str, str]]] = {}

    @property
    def settings(self) -> dict[str, str]:
        """The number, and another address of the API."""
        return {"phone_number_id": NUMBER_ID, "graph_url": f"{self.url}/v26.0"}

    @property
    def secrets(self) -> dict[str, str]:
        """The app's; the verify token is made by the server."""
        return {"app_secret": APP_SECRET, "access_token": TOKEN}

    def sends(self, request: Request) -> bool:
        """Whether a message is sent."""
        return request.path == f"/v26.0/{NUMBER_ID}/messages" and "status" not in request.json

    def take(self, request: Request) -> Any:
        """Answer as the Graph API does."""
        by_app = request.headers.get("authorization") == f"Bearer {APP_ID}|{APP_SECRET}"
        if request.path == f"/v26.0/{APP_ID}/subscriptions" and by_app:
            return {"data": subscriptions("whatsapp_business_account", self.hook_url, "messages")}
        if (
            request.path == f"/v26.0/debug_token?input_token={TOKEN}"
            and request.headers["authorization"] == f"Bearer {APP_ID}|{APP_SECRET}"
        ):
            return {"data": about_token(self.scopes, WABA, self.token_ends)}
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            raise error(401, 190, "Invalid OAuth access token")
        path, _, query = request.path.partition("?")
        proof = parse_qs(query).get("appsecret_proof")
        if proof and proof != [hmac.digest(APP_SECRET.encode(), TOKEN.encode(), "sha256").hex()]:
            raise error(400, 100, "Invalid appsecret_proof provided in the API argument")
        match path.removeprefix("/v26.0/").split("/"):
            case [number, "messages"] if number == NUMBER_ID:
                return self._note_heard(request.json) if "status" in request.json else self._send(request.json)
            case [number, "media"] if number == NUMBER_ID:
                return self._keep(request)
            case [account, "phone_numbers"] if account == WABA:
                return {"data": [{"id": NUMBER_ID}]}
            case [account, "subscribed_apps"] if account == WABA and request.method == "POST":
                self.subscribed.append(account)
                return {"success": True}
            case ["app"]:
                return {"id": APP_ID}
            case [number] if number == NUMBER_ID:
                return {"verified_name": "Acme", "display_phone_number": "+1 555-078-3881", "quality_rating": self.quality, "id": number}
            case ["MEDIA1"]:
                return {
                    "url": f"{self.url}/v26.0/download/MEDIA1",
                    "mime_type": "application/pdf",
                    "sha256": SHA256,
                    "file_size": len(FILE),
                    "id": "MEDIA1",
                }
            case ["download", "MEDIA1"]:
                return FILE
        raise error(400, 100, "Unsupported get request. Object with that id does not exist")

    def _note_heard(self, mark: dict[str, Any]) -> dict[str, Any]:
        """A read mark, with or without a sign of typing."""
        if mark.get("status") != "read" or mark["message_id"] not in {f"wamid.A{number}" for number in range(1, self.sent + 1)}:
            raise error(400, 131009, "message_id")
        if mark.get("typing_indicator") == {"type": "text"}:
            self.typing.append(mark["message_id"])
        self.read.append(mark["message_id"])
        return {"success": True}

    def _keep(self, request: Request) -> dict[str, Any]:
        """A file of ours."""
        form = {part.get_param("name", header="content-disposition"): part for part in parts_of_form(request)}
        product = form["messaging_product"].get_payload()
        if product != "whatsapp" or form["type"].get_payload() != form["file"].get_content_type():
            raise error(400, 100, "type")
        media_id = f"MEDIA{len(self.uploads) + 100}"
        self.uploads[media_id] = (str(form["file"].get_filename()), form["file"].get_content_type())
        return {"id": media_id}

    def _send(self, message: dict[str, Any]) -> dict[str, Any]:
        if message.get("messaging_product") != "whatsapp" or not (message.get("to") == PHONE or message.get("recipient") == USER):
            raise error(400, 131009, "Parameter value is not valid")
        if message["type"] != "template" and time.time() - self.heard_at > WINDOW_S:
            raise error(400, 131047, "Re-engagement message")
        media = message.get(message["type"])
        if isinstance(media, dict) and (media.get("link") in self.unreachable or ("id" in media and media["id"] not in self.uploads)):
            raise error(400, 131053, "Media upload error")
        if (wrong := _wrong_with(message)) is not None:
            raise error(400, 131009, wrong)
        self.calls.append(message)
        self._show(message)
        return {
            "messaging_product": "whatsapp",
            "contacts": [{"input": PHONE, "wa_id": PHONE}],
            "messages": [{"id": f"wamid.B{len(self.calls)}"}],
        }

    def _show(self, message: dict[str, Any]) -> None:
        """Cards come one by one under their text; a script tells them with it. A picture alone belongs to the text before it."""
        kind = message["type"]
        if kind == "text":
            self.said.append(Said(message["text"]["body"]))
        elif kind == "template":
            self.said.append(Said(f"template {message['template']['name']}"))
        elif kind == "interactive":
            interactive = message["interactive"]
            picked = {"button": "button_reply", "list": "list_reply"}.get(interactive["type"], "")
            found = [] if interactive["type"] == "cta_url" else _replies(interactive)
            self.choices |= {reply["title"]: (picked, reply) for reply in found}
            words = interactive["body"]["text"]
            if "header" in interactive:
                last = self.said[-1]
                self.said[-1] = Said(last.text, last.choices, (*last.cards, words.partition("\n")[0].strip("*")))
            else:
                self.said.append(Said(words, tuple(reply["title"] for reply in found)))

    def value(self, **told: Any) -> httpx.Request:
        """A change of the field `messages`, signed."""
        contact = {"profile": {"name": "Ana"}, "wa_id": PHONE, "user_id": USER}
        metadata = {"display_phone_number": NUMBER, "phone_number_id": NUMBER_ID}
        value = {"messaging_product": "whatsapp", "metadata": metadata, "contacts": [contact], **told}
        entry = {"id": WABA, "changes": [{"value": value, "field": "messages"}]}
        body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]})
        proof = "sha256=" + hmac.digest(APP_SECRET.encode(), body.encode(), "sha256").hex()
        return httpx.Request(
            "POST", "http://hook/", content=body, headers={"content-type": "application/json", "x-hub-signature-256": proof}
        )

    def message(self, kind: str, **told: Any) -> httpx.Request:
        """A message of the customer: it opens the window."""
        self.sent += 1
        self.heard_at = time.time()
        base = {"from": PHONE, "id": f"wamid.A{self.sent}", "timestamp": str(int(self.heard_at)), "type": kind}
        return self.value(messages=[base | told])

    def status(self, provider_id: str, state: str, **told: Any) -> httpx.Request:
        """A receipt."""
        return self.value(
            statuses=[{"id": provider_id, "status": state, "timestamp": str(int(time.time())), "recipient_id": PHONE, **told}]
        )

    def writes(self, text: str) -> httpx.Request:
        """A text."""
        return self.message("text", text={"body": text})

    def gives(self, name: str, media_type: str) -> httpx.Request:
        """A document."""
        return self.message("document", document={"id": "MEDIA1", "mime_type": media_type, "filename": name, "sha256": "x"})

    def presses(self, label: str) -> httpx.Request:
        """A reply button, or a row of a list."""
        kind, reply = self.choices[label]
        interactive = {"type": kind, kind: {name: reply[name] for name in ("id", "title")}}
        return self.message("interactive", context={"from": NUMBER, "id": f"wamid.B{len(self.calls)}"}, interactive=interactive)


def parts_of_form(request: Request) -> list[Any]:
    """The parts of a form with files."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    parts = BytesParser().parsebytes(head + request.body).get_payload()
    return parts if isinstance(parts, list) else []


def _replies(interactive: dict[str, Any]) -> list[dict[str, str]]:
    action = interactive["action"]
    if interactive["type"] == "button":
        return [button["reply"] for button in action["buttons"]]
    return [row for section in action.get("sections", []) for row in section["rows"]]


def _wrong_with(message: dict[str, Any]) -> str | None:
    """What breaks the rules for this type of message."""
    match message["type"]:
        case "text":
            return None if 1 <= len(message["text"]["body"]) <= 4_096 else "text.body"
        case "image" | "audio" | "video" | "document" as kind:
            media = message[kind]
            fits = (
                ("id" in media) != media.get("link", "").startswith("https://")
                and len(media.get("caption", "")) <= 1_024
                and not (kind == "audio" and "caption" in media)
            )
            return None if fits else kind
        case "interactive":
            return _wrong_with_interactive(message["interactive"])
        case "template":
            return None
    return "type"


def _wrong_with_interactive(interactive: dict[str, Any]) -> str | None:
    if not 1 <= len(interactive["body"]["text"]) <= 1_024:
        return "body.text"
    found = _replies(interactive) if interactive["type"] in ("button", "list") else [{"id": "x", "title": "x"}]
    button = interactive["type"] == "button"
    most, longest, id_longest = (3, 20, 256) if button else (10, 24, 200)
    if (
        not 1 <= len(found) <= most
        or len({reply["title"] for reply in found}) < len(found)
        or len({reply["id"] for reply in found}) < len(found)
    ):
        return "action"
    if any(not (1 <= len(one["title"]) <= longest and 1 <= len(one["id"]) <= id_longest) for one in found):
        return "title or id"
    if any(len(one.get("description", "")) > 72 for one in found):
        return "description"
    if interactive["type"] == "cta_url":
        button = len(interactive["action"]["parameters"]["display_text"]) <= 20
    return "header" if "header" in interactive and not button else None
