"""WhatsApp by Twilio: one sender, Content resources, and a window of 24 hours after the customer's last message."""

import time
from typing import Any

import httpx

from tests.conversations.chat_script import Said
from tests.fakes.channels.plain_words import said_in
from tests.fakes.channels.provider import Took
from tests.fakes.channels.twilio import CUSTOMER, NUMBER, FakeTwilio, refused
from tests.fakes.http import Request

SENDER_SID = "XE" + "3" * 32
WINDOW_S = 24 * 3600


class FakeTwilioWhatsApp(FakeTwilio):
    """A phone with WhatsApp. `contents` are the resources that were made."""

    kind = "twilio_whatsapp"
    prefix = "whatsapp:"
    most_media = 1

    def __init__(self) -> None:
        super().__init__()
        self.heard_at = 0.0
        self.contents: dict[str, dict[str, Any]] = {}
        self.takes_contents = True
        self.choices: dict[str, dict[str, str]] = {}

    def take(self, request: Request) -> Any:
        """Senders and contents beside what SMS has."""
        path = request.path.partition("?")[0]
        if path == "/v2/Channels/Senders":
            sender = {"sid": SENDER_SID, "status": "ONLINE", "sender_id": f"whatsapp:{NUMBER}"}
            return {"senders": [sender], "meta": {"next_page_url": None}}
        if path == f"/v2/Channels/Senders/{SENDER_SID}":
            self.hook = request.json["webhook"]["callback_url"]
            return Took({"sid": SENDER_SID}, 202)
        if path == "/v1/Content":
            return self._content(request.json)
        return super().take(request)

    def _content(self, given: dict[str, Any]) -> Took:
        (kind, content), sid = *given["types"].items(), f"HX{len(self.contents):032d}"
        if not self.takes_contents:
            return Took({"code": 21617, "message": "Invalid content"}, 400)
        listed = content["actions"] if kind == "twilio/quick-reply" else content["items"]
        titles = [one.get("title") or one["item"] for one in listed]
        most, longest = (3, 20) if kind == "twilio/quick-reply" else (10, 24)
        if len(listed) > most or any(not 1 <= len(title) <= longest for title in titles) or not 1 <= len(content["body"]) <= 1024:
            raise refused(400, 21616, "The content does not fit WhatsApp's limits")
        self.contents[sid] = content
        field = "Button" if kind == "twilio/quick-reply" else "List"
        for title, one in zip(titles, listed, strict=True):
            picked = {"ButtonPayload": one["id"], "ButtonText": title} if field == "Button" else {"ListId": one["id"], "ListTitle": title}
            self.choices[title] = picked
        return Took({"sid": sid}, 201)

    def check_window(self, given: dict[str, list[str]]) -> None:
        """Outside of the window only what is a template."""
        sid = given.get("ContentSid", [""])[0]
        if time.time() - self.heard_at > WINDOW_S and (not sid or sid in self.contents):
            raise refused(400, 63016, "Failed to send freeform message because you are outside the allowed window.")

    def show(self, body: str, given: dict[str, list[str]]) -> None:
        """Cards come one by one under their text; a script tells them with it. A picture alone belongs to the text before it."""
        if sid := given.get("ContentSid", [""])[0]:
            content = self.contents.get(sid, {"body": f"template {sid}"})
            listed = content.get("actions") or content.get("items") or ()
            self.said.append(Said(content["body"], tuple(one.get("title") or one["item"] for one in listed)))
        elif given.get("MediaUrl") and self.said:
            last = self.said[-1]
            titles = (body.partition("\n")[0].strip("*"),) if "\n- " in body else ()
            self.said[-1] = Said(last.text, last.choices, (*last.cards, *titles))
        else:
            self.said.append(said_in(body))

    def signed(self, **told: str) -> httpx.Request:
        """A message of the customer opens the window."""
        if "MessageStatus" not in told:
            self.heard_at = time.time()
        return super().signed(**{"ProfileName": "Ana", "WaId": CUSTOMER[1:], **told})

    def presses(self, label: str) -> httpx.Request:
        """A button or a row, or the words of a card's button."""
        picked = self.choices.get(label)
        return self.signed(Body=label, NumMedia="0", **picked) if picked else self.writes(label)
