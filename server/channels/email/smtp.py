"""Hands a mail to a mail server (RFC 5321), at an address that was checked, and tells exactly how far that came."""

import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

PORTS = frozenset((25, 465, 587, 2525))
TIMEOUT_S = 20.0

Security = Literal["starttls", "tls", "none"]
Stage = Literal["connection", "certificate", "login", "sender", "recipient", "content"]


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed in. `addresses` are those of the host that may be connected to; `own_name` is what we call ourselves."""

    host: str
    port: int
    security: Security
    user: str
    password: str
    addresses: Sequence[str]
    own_name: str


class NotTaken(Exception):
    """The server did not take a mail. `code` is its answer, 0 when it gave none; nothing was handed over unless `maybe`."""

    def __init__(self, stage: Stage, code: int, reason: str, *, maybe: bool = False) -> None:
        super().__init__(reason)
        self.stage = stage
        self.code = code
        self.maybe = maybe


def hand_in(server: MailServer, certificates: ssl.SSLContext, sender: str, recipient: str, content: bytes) -> None:
    """Hand in one mail; blocks. Raises NotTaken."""
    with _dialogue(server, certificates) as smtp:
        _expect("sender", *_ask(lambda: smtp.mail(sender), "sender"))
        _expect("recipient", *_ask(lambda: smtp.rcpt(recipient), "recipient"))
        try:
            code, said = smtp.data(content)
        except smtplib.SMTPDataError as error:
            raise NotTaken("content", error.smtp_code, _words(error.smtp_error)) from None
        except (smtplib.SMTPException, OSError) as error:
            raise NotTaken("content", 0, f"the connection broke: {type(error).__name__}", maybe=True) from None
        _expect("content", code, said)


def look_at(server: MailServer, certificates: ssl.SSLContext) -> None:
    """Connect and sign in, and nothing else; blocks. Raises NotTaken."""
    with _dialogue(server, certificates) as smtp:
        _expect("connection", *_ask(smtp.noop, "connection"))


class _Smtp(smtplib.SMTP):
    """A connection to one of the checked addresses, whatever the host's name means by now."""

    def __init__(self, server: MailServer, certificates: ssl.SSLContext) -> None:
        super().__init__(local_hostname=server.own_name, timeout=TIMEOUT_S)
        self._server, self._certificates = server, certificates

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        failed = OSError(f"{host} has no address")
        for address in self._server.addresses[:2]:
            try:
                opened = socket.create_connection((address, port), timeout)
            except OSError as error:
                failed = error
                continue
            return self._certificates.wrap_socket(opened, server_hostname=host) if self._server.security == "tls" else opened
        raise failed


@contextmanager
def _dialogue(server: MailServer, certificates: ssl.SSLContext) -> Iterator[smtplib.SMTP]:
    smtp = _Smtp(server, certificates)
    try:
        _begin(smtp, server, certificates)
        yield smtp
        try:
            smtp.quit()
        except (smtplib.SMTPException, OSError):
            return  # the mail is handed in; how the server says goodbye does not matter
    finally:
        smtp.close()


def _begin(smtp: _Smtp, server: MailServer, certificates: ssl.SSLContext) -> None:
    try:
        _expect("connection", *smtp.connect(server.host, server.port))
        smtp.ehlo_or_helo_if_needed()
        if server.security == "starttls":
            smtp._host = server.host  # type: ignore[attr-defined]
            smtp.starttls(context=certificates)
            smtp.ehlo()
        if server.user:
            smtp.login(server.user, server.password)
    except ssl.SSLError as error:
        raise NotTaken("certificate", 0, getattr(error, "verify_message", "") or str(error.reason or error)) from None
    except smtplib.SMTPAuthenticationError as error:
        raise NotTaken("login", error.smtp_code, _words(error.smtp_error)) from None
    except smtplib.SMTPNotSupportedError as error:
        raise NotTaken("login" if "AUTH" in str(error) else "certificate", 0, str(error)) from None
    except smtplib.SMTPResponseException as error:
        raise NotTaken("connection", error.smtp_code, _words(error.smtp_error)) from None
    except (smtplib.SMTPException, OSError) as error:
        raise NotTaken("connection", 0, f"{type(error).__name__}: {error}") from None


def _ask(question: Callable[[], tuple[int, bytes]], stage: Stage) -> tuple[int, bytes]:
    try:
        return question()
    except (smtplib.SMTPException, OSError) as error:
        raise NotTaken(stage, 0, f"the connection broke: {type(error).__name__}") from None


def _expect(stage: Stage, code: int, said: bytes) -> None:
    if not 200 <= code < 300:
        raise NotTaken(stage, code, _words(said))


def _words(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(text.split())[:300]
