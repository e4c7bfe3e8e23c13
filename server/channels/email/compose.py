"""Messages of the bot as mails: words for every reader, and the same as HTML."""

import html
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from server.channels.contract import Outbound, Settings
from server.channels.email.inbound import our_id, thread_of
from server.channels.email.machines import OURS
from server.channels.words import card_words, words_of

DEFAULT_SUBJECT = "Your message"

_POLICY = SMTP.clone(cte_type="7bit", max_line_length=78)
_LINK = re.compile(r"\[([^\[\]\n]{1,500})\]\((https?://[^\s()<>\"]{1,2000})\)")
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
_AGAIN = re.compile(r"^(?:re|aw|sv|antw|odp|tr|rif)\s*:", re.IGNORECASE)


def parts_of(body: Mapping[str, Any]) -> list[dict[str, str]]:
    """One mail: its text and its HTML."""
    return [{"text": _LINK.sub(r"\1: \2", _BOLD.sub(r"\1", words_of(body))), "html": "\n".join(_page(body))}]


def mail_of(part: Mapping[str, Any], message: Outbound, settings: Settings, at: datetime) -> EmailMessage:
    """The mail that says a part, an answer within its thread. Raises ValueError for addresses that cannot stand in a mail."""
    place, address = message.place, str(settings.get("address", ""))
    references = [str(one) for one in place.get("references", ())]
    thread = str(place.get("thread") or thread_of([f"<{message.conversation_id}>"]))
    subject = str(place.get("subject") or settings.get("subject") or DEFAULT_SUBJECT)
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = Address(_one_line(str(settings.get("display_name") or "")), addr_spec=address)
    mail["To"] = Address("", addr_spec=message.contact_id)
    mail["Subject"] = _one_line(f"Re: {subject}" if references and not _AGAIN.match(subject) else subject)
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = our_id(thread, message.key, address.rpartition("@")[2])
    if references:
        mail["In-Reply-To"] = references[-1]
        mail["References"] = " ".join(references)
    mail["Auto-Submitted"] = "auto-replied" if references else "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail[OURS] = "1"
    mail.set_content(part["text"], cte="quoted-printable")
    mail.add_alternative(f"<!DOCTYPE html>\n<html><body>\n{part['html']}\n</body></html>", subtype="html", cte="quoted-printable")
    return mail


def _page(body: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"<p>{_inline(part)}</p>" for part in str(body.get("text", "")).split("\n\n") if part.strip())
    for media in body.get("media", ()):
        url, words = html.escape(media["url"]), html.escape(media.get("alt") or media["kind"].capitalize())
        yield (
            f'<p><img src="{url}" alt="{words}" style="max-width:100%"></p>'
            if media["kind"] == "image"
            else f'<p><a href="{url}">{words}</a></p>'
        )
    for card in body.get("cards", ()):
        yield from _card(card)
    if choices := body.get("choices"):
        yield f"<ol>{''.join(f'<li>{_choice(choice)}</li>' for choice in choices)}</ol>"


def _card(card: Mapping[str, Any]) -> Iterator[str]:
    if card.get("image_url"):
        yield f'<p><img src="{html.escape(card["image_url"])}" alt="{html.escape(card.get("alt") or "")}" style="max-width:100%"></p>'
    bold = {**card, "image_url": None, "title": f"**{card['title']}**" if card.get("title") else ""}
    if words := card_words(bold):
        yield f"<p>{_inline(words)}</p>"
    if buttons := card.get("buttons"):
        yield f"<ul>{''.join(f'<li>{_choice(button)}</li>' for button in buttons)}</ul>"


def _choice(choice: Mapping[str, Any]) -> str:
    label = html.escape(choice["label"])
    return f'<a href="{html.escape(choice["url"])}">{label}</a>' if choice.get("url") else label


def _inline(text: str) -> str:
    found, end = [], 0
    for link in _LINK.finditer(text):
        found += [_words(text[end : link.start()]), f'<a href="{html.escape(link[2])}">{html.escape(link[1])}</a>']
        end = link.end()
    return "".join([*found, _words(text[end:])])


def _words(text: str) -> str:
    return _BOLD.sub(r"<b>\1</b>", html.escape(text)).replace("\n", "<br>\n")


def _one_line(text: str) -> str:
    """Without line ends, and without what would be read as encoded letters (RFC 2047)."""
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text).replace("=?", "= ?").strip()
