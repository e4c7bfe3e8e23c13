"""pywa: proves and reads webhooks as bots do, and calls a Cloud API."""

import json
import sys

from pywa import WhatsApp, utils
from pywa.errors import WhatsAppError
from pywa.types import Button, CallbackButton, CallbackSelection, Message, MessageStatus, Section, SectionList, SectionRow, URLButton

given = json.load(sys.stdin)
wa = WhatsApp(phone_id=given["phone_id"], token=given["token"], filter_updates=False)
wa.api._session.base_url = given["graph_url"]


def read(body):
    """What a webhook says."""
    update = json.loads(body)
    value = update["entry"][0]["changes"][0]["value"]
    if "statuses" in value:
        status = MessageStatus.from_update(wa, update)
        return {"provider_id": status.id, "state": status.status.value, "error": status.error.code if status.error else None}
    replied = value["messages"][0].get("interactive", {}).get("type")
    said = {"button_reply": CallbackButton, "list_reply": CallbackSelection}.get(replied, Message).from_update(wa, update)
    media = getattr(said, "media", None)
    return {
        "key": said.id,
        "contact_id": said.from_user.bsuid,
        "name": said.from_user.name,
        "text": getattr(said, "title", None) or getattr(said, "text", None),
        "choice": getattr(said, "data", None),
        "file": [media.id, media.mime_type, media.filename] if media else None,
    }


def refused(call):
    """The code that a call is refused with."""
    try:
        call()
    except WhatsAppError as error:
        return error.code
    return None


to = given["to"]
row = [SectionRow(title=f"Size {n}", callback_data=f"s{n}") for n in range(4)]
three = [Button(title=title, callback_data=title.lower()) for title in ("Red", "Blue", "Grey")]
sent = [
    wa.send_message(to, "caf\u00e9 \u2615"),
    wa.send_message(to, "Which?", buttons=three),
    wa.send_message(to, "Which size?", buttons=SectionList("\u2630", [Section(title="Sizes", rows=row)])),
    wa.send_message(to, "Read", buttons=URLButton(title="Open", url="https://example.com/a")),
    wa.send_image(to, "https://example.com/shoe.png", caption="A shoe"),
    wa.send_document(to, "https://example.com/a.pdf", caption="Offer", filename="Offer"),
]
uploaded = wa.upload_media(given["file"].encode(), mime_type="application/pdf", filename="a.pdf")
media = wa.get_media_url(given["media_id"])
wa.mark_message_as_read(given["heard"])
wa.indicate_typing(given["heard"])
answers = {
    "proofs": [utils.webhook_updates_validator(given["secret"], one["body"].encode(), one["proof"]) for one in given["signed"]],
    "read": [read(one["body"]) for one in given["signed"]],
    "sent": [message.id for message in sent],
    "uploaded": uploaded.id,
    "file": wa.get_media_bytes(media.url).decode(),
    "refused": [
        refused(lambda: wa.send_message(to, "x" * 4_097)),
        refused(lambda: wa.send_message(to, "Which?", buttons=[Button(title="x" * 21, callback_data="x")])),
        refused(lambda: wa.send_message("15550000000", "hi")),
    ],
}
json.dump(answers, sys.stdout)
