"""A mail server that takes mail by SMTP (RFC 5321) and a customer who reads and answers it."""

import asyncio
import base64
import email.policy
import ssl
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parseaddr
from typing import Any

import httpx

from tests.fakes.channels.plain_words import said_in
from tests.fakes.channels.provider import FakeProvider
from tests.fakes.http import Request

BOT, CUSTOMER = "help@example.com", "ana@example.org"
SECRET, USER, PASSWORD = "0123456789abcdef0123456789abcdef", "help@example.com", "let me in"
FILE = b"%PDF-1.4 a receipt\n%%EOF\n"
MOST_LINE = 998
ONCE = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version")


class FakeEmail(FakeProvider):
    """One mailbox of the bot and one of a customer. `mails` are those that were taken; `starts_tls` is offered with a certificate."""

    kind = "email"

    def __init__(self, starts_tls: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self.starts_tls = starts_tls
        self.mails: list[EmailMessage] = []
        self.gone: set[str] = set()
        self.signed_in: list[str] = []

    @property
    def settings(self) -> dict[str, str]:
        """The address, and a relay that wants no password."""
        return {"address": BOT, "smtp_host": "127.0.0.1", "smtp_port": str(self.port), "smtp_security": "none"}

    @property
    def secrets(self) -> dict[str, str]:
        """The password of the webhook."""
        return {"webhook_secret": SECRET}

    def sends(self, request: Request) -> bool:
        """Nothing is sent by HTTP."""
        return False

    def take(self, request: Request) -> Any:
        """There is no HTTP here."""
        raise NotImplementedError

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await _Dialogue(self, reader, writer).hold()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            self._open.discard(task)
            writer.close()

    def takes(self, sender: str, recipient: str, content: bytes) -> str:
        """Take a mail; the complaint about what breaks a rule, empty when nothing does."""
        mail = BytesParser(policy=email.policy.default).parsebytes(content)
        assert isinstance(mail, EmailMessage)
        wrong = [name for name in ONCE if len(mail.get_all(name, [])) != 1]
        wrong += ["line"] * any(len(line) > MOST_LINE or not line.isascii() for line in content.split(b"\r\n"))
        wrong += ["newline"] * (b"\n" in content.replace(b"\r\n", b""))
        wrong += ["From"] * (parseaddr(str(mail["From"]))[1] != sender) + ["To"] * (parseaddr(str(mail["To"]))[1] != recipient)
        if wrong:
            return f"5.6.0 not a mail: {', '.join(wrong)}"
        self.mails.append(mail)
        self.calls.append({name: str(value) for name, value in mail.items()})
        self.said.append(said_in(text_of(mail)))
        return ""

    def posts(self, mail: EmailMessage) -> httpx.Request:
        """The mail service posts a mail of the customer: an answer to the bot's last one, if there is one."""
        self.sent += 1
        mail["From"], mail["To"], mail["Message-ID"] = f"Ana Lima <{CUSTOMER}>", BOT, f"<c{self.sent}@example.org>"
        mail["Subject"] = str(self.mails[-1]["Subject"]) if self.mails else "My order"
        if self.mails:
            mail["In-Reply-To"] = str(self.mails[-1]["Message-ID"])
            mail["References"] = f"{self.mails[-1]['References']} {self.mails[-1]['Message-ID']}"
        proof = base64.b64encode(f"chatloom:{SECRET}".encode()).decode()
        headers = {"content-type": "message/rfc822", "authorization": f"Basic {proof}"}
        return httpx.Request("POST", "http://hook/", content=mail.as_bytes(policy=email.policy.SMTP), headers=headers)

    def mail(self, text: str) -> EmailMessage:
        """A mail with a text above what it answers."""
        quoted = "\n".join(f"> {line}" for line in text_of(self.mails[-1]).splitlines()) if self.mails else ""
        written = EmailMessage(policy=email.policy.SMTP)
        written.set_content(f"{text}\n\nOn Monday, Acme <{BOT}> wrote:\n{quoted}\n" if quoted else f"{text}\n")
        return written

    def writes(self, text: str) -> httpx.Request:
        """A mail."""
        return self.posts(self.mail(text))

    def presses(self, label: str) -> httpx.Request:
        """There are no buttons: the customer writes the words."""
        return self.writes(label)

    def gives(self, name: str, media_type: str) -> httpx.Request:
        """A mail with a file and no words."""
        mail = self.mail("")
        kind, _, rest = media_type.partition("/")
        mail.add_attachment(FILE, maintype=kind, subtype=rest, filename=name)
        return self.posts(mail)


def text_of(mail: EmailMessage) -> str:
    """The plain text of a mail."""
    body = mail.get_body(("plain",))
    assert body is not None
    content = body.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n").strip()


class _Dialogue:
    """One connection."""

    def __init__(self, server: FakeEmail, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer
        self.secure = False
        self.sender = self.recipient = ""

    async def hold(self) -> None:
        await self.say("220 mx.example.com ESMTP")
        while line := (await self.reader.readline()).decode("ascii", "replace").rstrip("\r\n"):
            if not await self.answer(line):
                return

    async def say(self, line: str) -> None:
        self.writer.write(f"{line}\r\n".encode())
        await self.writer.drain()

    async def answer(self, line: str) -> bool:
        verb, _, rest = line.partition(" ")
        match verb.upper():
            case "EHLO":
                offers = ["AUTH PLAIN LOGIN"] if self.secure else ["STARTTLS"] if self.server.starts_tls else []
                lines = ["mx.example.com", "8BITMIME", *offers]
                for number, one in enumerate(lines, start=1):
                    await self.say(f"250{'-' if number < len(lines) else ' '}{one}")
            case "STARTTLS" if self.server.starts_tls and not self.secure:
                await self.say("220 Go ahead")
                await self.writer.start_tls(self.server.starts_tls)
                self.secure = True
            case "AUTH":
                await self.sign_in(rest)
            case "MAIL":
                self.sender = rest.partition("<")[2].partition(">")[0]
                await self.say("250 OK" if self.sender == BOT else "553 5.7.1 Sender address rejected: not owned by user")
            case "RCPT":
                self.recipient = rest.partition("<")[2].partition(">")[0]
                await self.say("550 5.1.1 No such user here" if self.recipient in self.server.gone else "250 OK")
            case "DATA":
                await self.say("354 End data with <CR><LF>.<CR><LF>")
                return await self.take(await self.reader.readuntil(b"\r\n.\r\n"))
            case "NOOP" | "RSET":
                await self.say("250 OK")
            case "QUIT":
                await self.say("221 Bye")
                return False
            case _:
                await self.say("502 5.5.2 Not known here")
        return True

    async def sign_in(self, given: str) -> None:
        kind, _, told = given.partition(" ")
        fits = kind == "PLAIN" and base64.b64decode(told).decode() == f"\0{USER}\0{PASSWORD}"
        self.server.signed_in += [USER] * fits
        await self.say("235 2.7.0 Welcome" if fits else "535 5.7.8 Authentication credentials invalid")

    async def take(self, content: bytes) -> bool:
        fault = self.server.faults.pop(0) if self.server.faults else None
        if fault is not None and not fault.took_it:
            await self.say(f"{fault.status} {fault.body or 'not now'}")
            return True
        wrong = self.server.takes(self.sender, self.recipient, content[:-5].replace(b"\r\n..", b"\r\n.") + b"\r\n")
        if wrong:
            self.server.broken.append(wrong)
            await self.say(f"554 {wrong}")
        elif fault is None:
            await self.say("250 2.0.0 Queued")
        return fault is None
