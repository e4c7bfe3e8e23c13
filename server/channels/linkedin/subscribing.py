"""Telling LinkedIn where to send comments and leads. The address must stand on the page Webhooks of the app, where LinkedIn checked it."""

from collections.abc import Iterator

from server.channels.contract import Finding, Secrets, Settings
from server.channels.linkedin.api import encoded, headers, organization_of, reason_of, rest_url
from server.channels.linkedin.checking import administrator_of
from server.channels.linkedin.notifications import SOCIAL
from server.channels.payload import parts_of
from server.channels.provider import Told, ask
from server.kit.http import OutboundClient


async def subscribe(http: OutboundClient, hook_url: str, settings: Settings, secrets: Secrets) -> list[Finding]:
    """Do what is left to do, and say what LinkedIn answers."""
    found = [await _subscribe_to_comments(http, hook_url, settings, secrets)]
    for owner, lead_type in _sources_of_leads(settings):
        found += await _subscribe_to_leads(http, hook_url, owner, lead_type, settings, secrets)
    return found


async def _subscribe_to_comments(http: OutboundClient, hook_url: str, settings: Settings, secrets: Secrets) -> Finding:
    application = settings.get("application_id")
    member = await administrator_of(http, settings, secrets)
    if not application or not isinstance(member, str):
        reason = "Enter the app id, and a token of an administrator of the page; or subscribe the page to comments yourself."
        return Finding("warning", "Comments", reason)
    names = {"developerApplication": f"urn:li:developerApplication:{application}", "user": member, "entity": organization_of(settings)}
    key = ",".join([*(f"{name}:{encoded(value)}" for name, value in names.items()), f"eventType:{SOCIAL}"])
    told = await ask(http, "PUT", rest_url(settings, f"eventSubscriptions/({key})"), {"webhook": hook_url}, headers(settings, secrets))
    if not isinstance(told, Finding) and told.status < 300:
        return Finding("ok", "Comments", "LinkedIn sends comments and mentions to this server.")
    return _wrong("Comments", told, f"The address {hook_url} must stand on the page Webhooks of your app first.")


def _sources_of_leads(settings: Settings) -> Iterator[tuple[tuple[str, str], str]]:
    yield ("organization", organization_of(settings)), "COMPANY"
    if account := settings.get("ad_account_id"):
        yield ("sponsoredAccount", f"urn:li:sponsoredAccount:{account}"), "SPONSORED"


async def _subscribe_to_leads(
    http: OutboundClient, hook_url: str, owner: tuple[str, str], lead_type: str, settings: Settings, secrets: Secrets
) -> list[Finding]:
    """Leads are a product of their own: without it nothing is said, except where an ad account was entered."""
    kind, name = owner
    query = f"leadNotifications?q=criteria&owner=(value:({kind}:{encoded(name)}))&leadType=(leadType:{lead_type})"
    listed = await ask(http, "GET", rest_url(settings, query), None, headers(settings, secrets))
    if isinstance(listed, Finding) or listed.status != 200:
        return [_wrong("Leads", listed, "The app needs the product Lead Sync API.")] if kind == "sponsoredAccount" else []
    if any(one.get("webhook") == hook_url for one in parts_of(listed.data, "elements")):
        return [Finding("ok", "Leads", f"LinkedIn sends leads of the type {lead_type} to this server.")]
    given = {"webhook": hook_url, "owner": {kind: name}, "leadType": lead_type}
    made = await ask(http, "POST", rest_url(settings, "leadNotifications"), given, headers(settings, secrets))
    if isinstance(made, Finding) or made.status >= 300:
        return [_wrong("Leads", made, f"The address {hook_url} must stand on the page Webhooks of your app first.")]
    return [Finding("ok", "Leads", f"LinkedIn sends leads of the type {lead_type} to this server.")]


def _wrong(title: str, told: Told | Finding, then: str) -> Finding:
    return Finding("warning", title, told.message if isinstance(told, Finding) else f"LinkedIn says: {reason_of(told)} {then}")
