"""The live check: whose the token is, what it may do and how long, and whether it administers the page."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from server.channels.contract import Finding, Secrets, Settings
from server.channels.linkedin.api import TOKEN, headers, organization_of, reason_of, rest_url
from server.channels.linkedin.tokens import REFRESH, ask_sign_in
from server.channels.payload import parts_of, text_of
from server.channels.provider import ask
from server.kit.http import OutboundClient

NO_MESSAGES = Finding(
    "ok",
    "Direct messages",
    "LinkedIn gives them to approved partners only, and to no bot. This channel answers comments and mentions, and takes leads.",
)
WARN_S = 14 * 86_400
LEADS = "r_marketing_leadgen_automation"
PERMISSIONS: tuple[tuple[tuple[str, ...], Literal["warning", "error"], str], ...] = (
    (("w_organization_social", "w_organization_social_feed"), "error", "it cannot answer"),
    (("r_organization_social", "r_organization_social_feed"), "warning", "it cannot read comments that LinkedIn names without their words"),
    (("rw_organization_admin",), "warning", "it cannot subscribe to comments"),
    ((LEADS,), "warning", "it cannot read leads"),
)


async def examine_token(http: OutboundClient, settings: Settings, secrets: Secrets, now: datetime) -> list[Finding]:
    """What LinkedIn says of the app, its token and the page."""
    if not secrets.get(TOKEN):
        reason = "It is missing. Without it the bot cannot answer, and LinkedIn's notifications often come without the words."
        return [Finding("error", "Access token", reason)]
    answer = await ask_sign_in(http, "introspectToken", {"token": secrets[TOKEN]}, settings, secrets)
    if isinstance(answer, Finding):
        return [answer]
    if answer.status != 200:
        title = "Client secret" if answer.status == 401 else "Client id or access token"
        return [Finding("error", title, f"LinkedIn says: {reason_of(answer)} Copy it again from the page Auth of your app.")]
    if answer.data.get("active") is not True:
        return [Finding("error", "Access token", f"It is {text_of(answer.data, 'status') or 'not active'}. Make a new one.")]
    ends_at, scopes = answer.data.get("expires_at"), set(text_of(answer.data, "scope").replace(" ", ",").split(","))
    left_s = ends_at - now.timestamp() if isinstance(ends_at, int) else WARN_S + 1
    ends = f"It ends in {int(left_s // 86_400)} days."
    if left_s > WARN_S or secrets.get(REFRESH):
        lasts = Finding("ok", "Access token", ends)
    else:
        lasts = Finding("warning", "Access token", f"{ends} Make a new one in time.")
    return [lasts, *_permissions(scopes), await _page(http, settings, secrets), NO_MESSAGES]


async def administrator_of(http: OutboundClient, settings: Settings, secrets: Secrets) -> str | Finding | None:
    """The member whose token it is, if they administer the page; None when they do not."""
    url = rest_url(settings, "organizationAcls?q=roleAssignee&role=ADMINISTRATOR&state=APPROVED")
    answer = await ask(http, "GET", url, None, headers(settings, secrets))
    if isinstance(answer, Finding):
        return answer
    if answer.status != 200:
        return Finding(
            "warning", "Page id", f"Whether the token's member administers the page cannot be seen. LinkedIn says: {reason_of(answer)}"
        )
    ours = (one for one in parts_of(answer.data, "elements") if one.get("organization") == organization_of(settings))
    return next((text_of(one, "roleAssignee") for one in ours), None)


def _permissions(scopes: set[str]) -> Iterator[Finding]:
    for names, level, without in PERMISSIONS:
        if scopes.isdisjoint(names):
            yield Finding(level, f"Permission {names[0]}", f"Without it {without}. Make a token that has it.")


async def _page(http: OutboundClient, settings: Settings, secrets: Secrets) -> Finding:
    member = await administrator_of(http, settings, secrets)
    if isinstance(member, Finding):
        return member
    if member is None:
        return Finding("error", "Page id", "The member whose token this is does not administer this page. Look at the number again.")
    return Finding("ok", "Page id", "The token's member administers the page.")
