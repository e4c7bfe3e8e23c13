"""What LinkedIn posts: what members did on a page, ten at a time, and leads. It may name a comment or lead without telling its words.

Formats: learn.microsoft.com/linkedin/marketing/community-management/organizations/organization-social-action-notifications and
.../marketing/lead-sync/leadsync.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from server.channels.contract import Inbound, Received, Request, Settings, Unusable
from server.channels.linkedin.api import comment_in, organization_of
from server.channels.payload import Object, json_object, part_of, parts_of, refuse_nul, text_of

SOCIAL = "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS"
LEAD = "LEAD_ACTION"
MEMBER = "urn:li:person:"
POINTED_AT = "comment"
"""Stands as unsupported in what names a comment only; its words are got before it is stored."""
LEAD_CAME, LEAD_WITHDRAWN = "lead", "lead_withdrawn"


def read(request: Request, settings: Settings) -> Received:
    """Comments, mentions and leads of this channel's page; raises Unusable."""
    told = json_object(request.body)
    refuse_nul(told)
    kind = told.get("type")
    if kind == SOCIAL:
        return Received([said for one in parts_of(told, "notifications") for said in _social(one, settings)])
    if kind == LEAD:
        return Received(list(_lead(told, settings)))
    raise Unusable("it tells of nothing that a bot answers")


def _social(given: Object, settings: Settings) -> Iterator[Inbound]:
    page, number = organization_of(settings), given.get("notificationId")
    if not page or given.get("organizationalEntity") != page or not isinstance(number, int | str) or number == "":
        return
    told, action = part_of(given, "decoratedGeneratedActivity"), given.get("action")
    name = text_of(given, "generatedActivity")
    key, at = f"notification:{str(number)[:100]}", moment(given.get("lastModifiedAt"))
    if action == "COMMENT" and (comment := comment_in(name)) is not None:
        urn, target, _ = comment
        said = part_of(told, "comment")
        place = {"comment": urn, "object": text_of(said, "object") or target}
        yield from _said(said, key, urn, f"post:{place['object']}", place, at)
    elif action == "SHARE_MENTION" and name:
        yield from _said(part_of(told, "share"), key, name, f"post:{name}", {"object": name}, at)


def _said(said: Object, key: str, name: str, thread: str, place: dict[str, str], at: datetime | None) -> Iterator[Inbound]:
    """What a member wrote; pages are left alone: we are one, and others may be bots."""
    author = text_of(said, "owner") or text_of(said, "actor")
    text = (text_of(said, "text") or text_of(part_of(said, "message"), "text")).strip()
    if author.startswith(MEMBER) and text:
        yield Inbound(key, author, text, at=at, thread=thread, reply_place=place)
    elif not author:
        yield Inbound(key, name, at=at, thread=thread, reply_place=place, unsupported=POINTED_AT)


def _lead(told: Object, settings: Settings) -> Iterator[Inbound]:
    """A lead. Whose it is stands in its owner: the page, or the account whose ads brought it."""
    owner, name, action = part_of(told, "owner"), text_of(told, "leadGenFormResponse"), told.get("leadAction")
    page, account = organization_of(settings), settings.get("ad_account_id")
    ours = bool(page) and owner.get("organization") == page
    ours = ours or (bool(account) and owner.get("sponsoredAccount") == f"urn:li:sponsoredAccount:{account}")
    event = {"CREATED": LEAD_CAME, "DELETED": LEAD_WITHDRAWN}.get(str(action))
    if not ours or not name or event is None:
        return
    about: dict[str, Any] = {"lead": name, "form": text_of(told, "leadGenForm"), "type": text_of(told, "leadType")}
    at = moment(told.get("occurredAt"))
    yield Inbound(f"{event}:{name}", name, at=at, thread=f"lead:{name}", reply_place={"lead": name}, event=event, payload=about)


def moment(milliseconds: Any) -> datetime | None:
    """The time of a number of milliseconds since 1970; None when it is none."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC) if isinstance(milliseconds, int) else None
    except (ValueError, OverflowError, OSError):
        return None
