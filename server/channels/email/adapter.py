"""E-mail: the webhook of the service that takes the mail proves itself by a password; the bot answers by SMTP."""

import asyncio
import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from server.channels.contract import (
    Adapter,
    Finding,
    NotProven,
    Outbound,
    Received,
    Request,
    Secrets,
    SendFailed,
    Settings,
    valid,
)
from server.channels.email.compose import mail_of, parts_of
from server.channels.email.inbound import read
from server.channels.email.smtp import PORTS, MailServer, NotTaken, Security, hand_in, look_at
from server.kit import clock
from server.kit.http import OutboundClient, OutboundFailed, OutboundRefused

SECRET = "webhook_secret"
PASSWORD = "smtp_password"
HEADER = "authorization"

_SECURITIES: Mapping[str, Security] = {"starttls": "starttls", "tls": "tls", "none": "none"}
_BLOCKING = ("certificate", "login", "sender")


class EmailAdapter(Adapter):
    """Mail."""

    def verify(self, request: Request, settings: Settings, secrets: Secrets) -> None:
        """The secret must be the password of the address, or its bearer token. There is no proof of the body, and no time."""
        accepted = valid(secrets, SECRET)
        given = _password(request.headers.get(HEADER, ""))
        if HEADER in request.doubled or not any(hmac.compare_digest(given, secret.encode()) for secret in accepted):
            raise NotProven("the password does not fit")

    def parse(self, request: Request, settings: Settings) -> Received:
        """A mail of a customer, or a report on one of ours."""
        return read(request, settings)

    def render(self, body: Mapping[str, Any], settings: Settings) -> Sequence[Mapping[str, Any]]:
        """One mail, as text and as HTML."""
        return parts_of(body)

    async def send_part(
        self, http: OutboundClient, part: Mapping[str, Any], message: Outbound, settings: Settings, secrets: Secrets
    ) -> str | None:
        """Hand one mail to the channel's mail server; its Message-ID, by which mails that come back are known."""
        try:
            mail = mail_of(part, message, settings, clock.now())
        except (ValueError, IndexError) as error:
            raise SendFailed("dead", f"The mail cannot be addressed to {message.contact_id}: {error}") from None
        try:
            server = await _server(http, settings, secrets)
            sender = str(settings.get("address", ""))
            await asyncio.to_thread(hand_in, server, http.certificates, sender, message.contact_id, mail.as_bytes())
        except OutboundRefused as refused:
            raise SendFailed("dead", str(refused), blocks=True) from None
        except OutboundFailed as failed:
            raise SendFailed("retry", str(failed)) from None
        except NotTaken as reason:
            raise _failed(reason) from None
        return str(mail["Message-ID"])

    async def check(self, http: OutboundClient, settings: Settings, secrets: Secrets) -> Sequence[Finding]:
        """Whether the mail server lets us in; nothing is sent."""
        try:
            server = await _server(http, settings, secrets)
            await asyncio.to_thread(look_at, server, http.certificates)
        except (OutboundRefused, OutboundFailed) as error:
            return [Finding("error", "Mail server", str(error))]
        except NotTaken as reason:
            return [_finding(reason)]
        found = [Finding("ok", "Mail server", f"{server.host} lets us in.")]
        if server.security == "none":
            found.append(
                Finding("warning", "Encryption", "Mails go to the mail server unencrypted. Choose starttls or tls if it has one of them.")
            )
        return found

    async def connect(self, http: OutboundClient, hook_url: str, settings: Settings, secrets: Secrets) -> Sequence[Finding]:
        """A person has to tell the mail service where mail goes."""
        sentence = f"Have the service that takes your mail post it to {hook_url}, with any user name and the channel's secret as password."
        return [Finding("ok", "Incoming mail", sentence)]


def _password(header: str) -> bytes:
    kind, _, given = header.partition(" ")
    if kind.lower() == "bearer":
        return given.strip().encode("latin-1", "replace")
    try:
        return base64.b64decode(given.strip(), validate=True).partition(b":")[2] if kind.lower() == "basic" else b""
    except (binascii.Error, ValueError):
        return b""


async def _server(http: OutboundClient, settings: Settings, secrets: Secrets) -> MailServer:
    """The channel's mail server, its addresses checked. Raises OutboundRefused, OutboundFailed, NotTaken."""
    host, port = str(settings.get("smtp_host", "")).lower(), int(str(settings.get("smtp_port") or "587"))
    security = _SECURITIES.get(str(settings.get("smtp_security")), "starttls")
    user = str(settings.get("smtp_user") or "")
    if user and not secrets.get(PASSWORD):
        raise NotTaken("login", 0, "there is no password for the user name")
    if user and security == "none":
        raise NotTaken("login", 0, "the password would go unencrypted: choose starttls or tls")
    addresses = await http.find(host, port, PORTS)
    own_name = str(settings.get("address", "")).rpartition("@")[2] or "localhost"
    return MailServer(host, port, security, user, secrets.get(PASSWORD, ""), addresses, own_name)


def _failed(reason: NotTaken) -> SendFailed:
    if reason.maybe:
        return SendFailed("maybe", f"The mail server did not say whether it took the mail: {reason}.")
    if reason.code // 100 == 5 and reason.stage in ("recipient", "content"):
        return SendFailed("dead", f"The mail server does not take this mail: {reason}.")
    if reason.stage in _BLOCKING and reason.code // 100 != 4:
        return SendFailed("retry", f"The mail server does not let us in: {reason}. Run the channel's live check.", blocks=True)
    return SendFailed("retry", f"The mail server asks to wait: {reason}.")


def _finding(reason: NotTaken) -> Finding:
    if reason.stage == "login":
        return Finding("error", "User name and password", f"The mail server does not take them: {reason}.")
    if reason.stage == "certificate":
        return Finding("error", "Encryption", f"No encrypted connection can be made: {reason}.")
    return Finding("error", "Mail server", f"It does not let us in: {reason}.")


adapter = EmailAdapter()
