"""Telling X where to send what happens to an account: the address (/2/webhooks), then each type of event (/2/activity/subscriptions)."""

from collections.abc import Mapping
from typing import Any

from server.channels.contract import Finding, Settings
from server.channels.payload import part_of, parts_of, text_of
from server.channels.provider import Told, ask
from server.channels.x.oauth import Signed
from server.channels.x.refusals import reason_of
from server.kit.http import OutboundClient

ALWAYS = ("dm.received",)
WHERE_THERE_IS = ("dm.read", "chat.received")
MENTIONS = ("post.mention.create", "post.reply.create")


async def subscribe(
    http: OutboundClient, api_url: str, hook_url: str, settings: Settings, bearer_token: str, signed: Signed
) -> list[Finding]:
    """Do what is left to do, and say what X answers. Events are asked for in the account's name: they are private."""
    if not bearer_token:
        reason = f"Without a bearer token nobody tells X this channel's address. Enter it, or register {hook_url} at X yourself."
        return [Finding("warning", "Webhook", reason)]
    as_app = {"Authorization": f"Bearer {bearer_token}"}
    registered = await _register(http, f"{api_url}/2/webhooks", hook_url, as_app)
    if isinstance(registered, Finding):
        return [registered]
    found = [Finding("ok", "Webhook", "X checked this server's address and sends messages to it.")]
    return found + await _ask_for_events(http, f"{api_url}/2/activity/subscriptions", registered, settings, as_app, signed)


async def _register(http: OutboundClient, url: str, hook_url: str, headers: Mapping[str, str]) -> str | Finding:
    """X's id of our address, which X has checked."""
    listed = await ask(http, "GET", url, None, headers)
    if isinstance(listed, Finding) or listed.status != 200:
        return _wrong("Bearer token", listed, "Copy the bearer token again.")
    ours = next((one for one in parts_of(listed.data, "data") if one.get("url") == hook_url), None)
    if ours is None:
        made = await ask(http, "POST", url, {"url": hook_url}, headers)
    elif ours.get("valid") is True:
        return text_of(ours, "id")
    else:
        made = await ask(http, "PUT", f"{url}/{text_of(ours, 'id')}", None, headers)
    then = "X must reach this address by https, without a port; the API key secret, or the client secret, must be the app's."
    if isinstance(made, Finding) or made.status >= 300:
        return _wrong("Webhook", made, then)
    return text_of(ours or part_of(made.data, "data"), "id") or text_of(made.data, "id")


async def _ask_for_events(
    http: OutboundClient, url: str, webhook_id: str, settings: Settings, as_app: Mapping[str, str], signed: Signed
) -> list[Finding]:
    account = str(settings.get("user_id") or "")
    listed = await ask(http, "GET", url, None, as_app)
    if isinstance(listed, Finding) or listed.status != 200:
        return [_wrong("Events", listed, "The app's plan must include the Activity API.")]
    has = {_named(one) for one in parts_of(listed.data, "data")}
    wanted = (*ALWAYS, *WHERE_THERE_IS, *(MENTIONS if settings.get("mentions") == "yes" else ()))
    found = []
    for kind in wanted:
        if (kind, account, webhook_id) in has:
            continue
        given = {"event_type": kind, "filter": {"user_id": account}, "webhook_id": webhook_id, "tag": "chatloom"}
        made = await ask(http, "POST", url, given, signed.headers("POST", url))
        if not _is_there(made) and kind not in WHERE_THERE_IS:
            found.append(_wrong(f"Event {kind}", made, "Without it nothing of this kind arrives."))
    return found or [Finding("ok", "Events", "X sends direct messages." if len(wanted) == 3 else "X sends direct messages and mentions.")]


def _is_there(made: Told | Finding) -> bool:
    """Whether the subscription was made, or had been before."""
    return not isinstance(made, Finding) and (made.status < 300 or made.status == 409 or "duplicate" in reason_of(made).lower())


def _named(subscription: Mapping[str, Any]) -> tuple[str, str, str]:
    account = text_of(part_of(subscription, "filter"), "user_id")
    return text_of(subscription, "event_type"), account, text_of(subscription, "webhook_id")


def _wrong(title: str, told: Told | Finding, then: str) -> Finding:
    return Finding("error", title, told.message if isinstance(told, Finding) else f"X says: {reason_of(told)} {then}")
