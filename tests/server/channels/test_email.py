"""E-mail: what a mail server says, what it is told, and which mails of strangers do no harm."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from server.channels.contract import Inbound, Outbound, Request, SendFailed, Unusable
from server.channels.email.adapter import adapter
from server.channels.email.compose import mail_of
from server.channels.email.smtp import MailServer, NotTaken, hand_in, look_at
from server.kit import clock
from server.kit.http import OutboundClient
from tests.fakes.channels.email import BOT, CUSTOMER, PASSWORD, USER, FakeEmail
from tests.fakes.channels.provider import Fault
from tests.server.channels.conftest import Say

PLACE = {"subject": "My order", "references": ["<m1@example.org>", "<m2@example.org>"], "thread": "0123456789abcdef01234567"}


@pytest.fixture
def provider() -> Iterator[FakeEmail]:
    with FakeEmail() as fake:
        yield fake


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault(421), "retry"),
        (Fault(452), "retry"),
        (Fault(552), "dead"),
        (Fault(554), "dead"),
        (Fault(took_it=True), "maybe"),
    ],
)
async def test_a_failure_says_whether_to_send_again(
    provider: FakeEmail, http: OutboundClient, say: Say, fault: Fault, outcome: str
) -> None:
    provider.faults = [fault]
    with pytest.raises(SendFailed) as failed:
        await adapter.send(http, say(contact=CUSTOMER), provider.settings, provider.secrets)
    assert (failed.value.outcome, failed.value.blocks) == (outcome, False)
    assert len(provider.mails) == fault.took_it


@pytest.mark.parametrize(
    ("settings", "contact", "outcome", "blocks"),
    [
        ({}, "gone@example.org", "dead", False),
        ({}, "nobody", "dead", False),
        ({}, "a@b\r\nBcc: c@example.org", "dead", False),
        ({"address": "other@example.com"}, CUSTOMER, "retry", True),
        ({"smtp_security": "starttls"}, CUSTOMER, "retry", True),
        ({"smtp_user": USER}, CUSTOMER, "retry", True),
        ({"smtp_host": "127.0.0.2"}, CUSTOMER, "dead", True),
        ({"smtp_port": "80"}, CUSTOMER, "dead", True),
        ({"smtp_host": "no-such-host.invalid", "smtp_port": "25"}, CUSTOMER, "retry", False),
    ],
)
async def test_what_cannot_be_sent_says_why(
    provider: FakeEmail, http: OutboundClient, say: Say, settings: dict[str, str], contact: str, outcome: str, blocks: bool
) -> None:
    provider.gone = {"gone@example.org"}
    with pytest.raises(SendFailed) as failed:
        await adapter.send(http, say(contact=contact), {**provider.settings, **settings}, provider.secrets)
    assert (failed.value.outcome, failed.value.blocks) == (outcome, blocks), str(failed.value)
    assert provider.mails == []


async def test_an_answer_stands_in_its_thread_and_no_machine_answers_it(provider: FakeEmail, http: OutboundClient, say: Say) -> None:
    message = say("**Caf\u00e9** \u2615\n.\n..", contact=CUSTOMER, place=PLACE)
    sent = await adapter.send(http, message, {**provider.settings, "display_name": "Acme, \u00dcber"}, provider.secrets)
    assert await adapter.send(http, message, provider.settings, provider.secrets) == sent, "a mail that is sent again is the same one"
    mail = provider.mails[0]
    assert mail["Message-ID"] == sent
    assert (mail["Subject"], mail["In-Reply-To"], mail["References"]) == ("Re: My order", "<m2@example.org>", " ".join(PLACE["references"]))
    assert (mail["Auto-Submitted"], mail["X-Auto-Response-Suppress"]) == ("auto-replied", "All")
    assert mail["From"] == f'"Acme, \u00dcber" <{BOT}>'
    assert provider.said[0].text == "Caf\u00e9 \u2615\n.\n.."
    html = mail.get_body(("html",))
    assert html is not None
    assert "<b>Caf\u00e9</b> \u2615" in html.get_content()
    with pytest.raises(Unusable):
        _read(mail)


async def test_a_subject_cannot_bring_headers_along(provider: FakeEmail, http: OutboundClient, say: Say) -> None:
    place = {**PLACE, "subject": "x\r\nBcc: other@example.org"}
    await adapter.send(http, say(contact=CUSTOMER, place=place), provider.settings, provider.secrets)
    assert provider.mails[0]["Bcc"] is None
    assert provider.broken == []


async def test_the_answer_to_an_answer_is_in_the_same_thread(provider: FakeEmail, http: OutboundClient, say: Say) -> None:
    first = _read_request(provider.writes("hello").read())
    outbound = Outbound("c:1", "c", CUSTOMER, 1, {"text": "Hi"}, clock.now(), first.reply_place)
    await adapter.send(http, outbound, provider.settings, provider.secrets)
    whole = _read_request(provider.writes("and more").read())
    short = provider.mail("its reader forgot the references")
    request = provider.posts(short).read().replace(b"References:", b"X-References:")
    assert whole.thread == _read_request(request).thread == first.thread
    assert whole.text == "and more"
    assert whole.contact_id == CUSTOMER


def _read(mail: EmailMessage) -> Inbound:
    return _read_request(mail.as_bytes())


def _read_request(body: bytes) -> Inbound:
    request = Request("POST", {"content-type": "message/rfc822"}, {}, body, datetime.now(UTC))
    (said,) = adapter.parse(request, {"address": BOT}).messages
    return said


@pytest.mark.parametrize(
    "header",
    [
        "From: =?utf-8?b?////?= <ana@example.org>",
        "From: =?x-none?q?a?= <ana@example.org>",
        'From: "\\" <ana@example.org>',
        "Subject: " + "=?utf-8?q?a?= " * 2_000,
        "References: " + "<a@b> " * 5_000,
        'Content-Type: text/plain; charset="\\',
        'Content-Type: multipart/mixed; boundary=""',
        "Content-Type: multipart/report; report-type=delivery-status; boundary=x",
        "Content-Transfer-Encoding: base64",
        "Content-Type: message/rfc822",
        "References: <a=?utf-8?q?=ff?=b@example.org> <ok@example.org>",
        "Subject: =?utf-8?q?=3D=3Futf-8=3Fq=3F=3Dff=3F=3D?=",
        "From: =?utf-8?q?=ff?=ana@example.org",
        "From: ana.@example.org",
        'Content-Type: text/plain; charset="\u00ff utf-8"',
        "References: " + " ".join(f"<{number}@example.org>" for number in range(100)),
    ],
)
def test_a_strange_mail_is_read_or_of_no_use(header: str) -> None:
    kept = [one for one in ("From: ana@example.org", "Subject: x") if not header.startswith(one.partition(":")[0])]
    body = "\r\n".join([header, *kept, "", "a\0b \udcff\r\n"]).encode("utf-8", "surrogateescape")
    request = Request("POST", {"content-type": "message/rfc822"}, {}, body, datetime.now(UTC))
    try:
        received = adapter.parse(request, {"address": BOT})
    except Unusable:
        return
    for said in received.messages:
        assert "\0" not in f"{said.text}{said.contact_name}{said.reply_place}"
        answer = Outbound("c:1", "c", said.contact_id, 1, {}, clock.now(), said.reply_place)
        assert mail_of({"text": "Hi", "html": "Hi"}, answer, {"address": BOT}, clock.now()).as_bytes().isascii()


async def test_the_live_check_says_what_is_wrong(provider: FakeEmail, http: OutboundClient) -> None:
    async def found(**settings: str) -> list[tuple[str, str]]:
        checked = await adapter.check(http, {**provider.settings, **settings}, provider.secrets)
        return [(one.level, one.title) for one in checked]

    assert await found() == [("ok", "Mail server"), ("warning", "Encryption")]
    assert await found(smtp_security="starttls") == [("error", "Encryption")]
    assert await found(smtp_user=USER) == [("error", "User name and password")]
    assert await found(smtp_host="127.0.0.2") == [("error", "Mail server")]
    (told,) = await adapter.connect(http, "https://bot.example.com/hooks/email/1", provider.settings, provider.secrets)
    assert "https://bot.example.com/hooks/email/1" in told.message


def test_a_password_goes_only_where_a_certificate_is_trusted(tmp_path: Path) -> None:
    theirs, ours = _certificate(tmp_path)
    with FakeEmail(theirs) as fake:
        server = MailServer("localhost", fake.port, "starttls", USER, PASSWORD, ["127.0.0.1"], "example.com")
        with pytest.raises(NotTaken) as refused:
            look_at(server, ssl.create_default_context())
        assert (refused.value.stage, fake.signed_in) == ("certificate", [])
        look_at(server, ours)
        assert fake.signed_in == [USER]
        with pytest.raises(NotTaken) as refused:
            look_at(MailServer("localhost", fake.port, "starttls", USER, "wrong", ["127.0.0.1"], "example.com"), ours)
        assert (refused.value.stage, refused.value.code) == ("login", 535)
        with pytest.raises(NotTaken) as refused:
            hand_in(MailServer("localhost", fake.port, "tls", "", "", ["127.0.0.1"], "example.com"), ours, BOT, CUSTOMER, b"")
        assert refused.value.stage in ("certificate", "connection")


def _certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's side of a certificate for localhost, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    since, until = datetime(2020, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), since, until)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    public = certificate.public_bytes(serialization.Encoding.PEM)
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()) + public
    )
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(file)
    return theirs, ssl.create_default_context(cadata=public.decode())
