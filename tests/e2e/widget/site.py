"""A shop's web site with our widget on it, and the troubles a network has."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import uvicorn
from litestar import Litestar
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from sqlalchemy import insert, update

from server.channels.tables import channels
from server.conversations.stream import topic_of
from server.conversations.tables import conversations, messages
from server.flows.tables import flow_versions, flows
from server.kit.ids import uuid7
from server.tenants.tables import tenants

CHOICES = [{"value": "track", "label": "Track my order"}, {"value": "human", "label": "Talk to a person"}]
GREETING = "Hello! I am the **demo bot**. What would you like to do?"
SHOP_STYLE = (
    "body{font-family:Georgia;background:#fdf6e3} p{color:#b00020} button{background:red!important;font-size:40px} *{letter-spacing:3px}"
)


class CutStreams:
    """Cuts an event stream as soon as it has carried `after` messages; 0: never."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.after = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self.after or not scope.get("path", "").endswith("/events"):
            return await self.app(scope, receive, send)
        cut, left = asyncio.Event(), self.after

        async def send_some(message: Message) -> None:
            nonlocal left
            if cut.is_set():
                return
            if message["type"] == "http.response.body" and b"event: message" in message["body"]:
                left -= 1
                if not left:
                    message = {**message, "more_body": False}
                    cut.set()
            await send(message)

        async def receive_until_cut() -> Any:
            waiting = asyncio.ensure_future(receive())
            cutting = asyncio.ensure_future(cut.wait())
            await asyncio.wait({waiting, cutting}, return_when=asyncio.FIRST_COMPLETED)
            cutting.cancel()
            if cut.is_set():
                waiting.cancel()
                return {"type": "http.disconnect"}
            return waiting.result()

        return await self.app(scope, receive_until_cut, send_some)


class Shop:
    """A page on another origin, with a strict policy and styles that would spoil what they could reach. Its path names the channel."""

    def __init__(self, chat: str) -> None:
        self.chat = chat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        style = scope["path"] == "/shop.css"
        body = SHOP_STYLE if style else self._page(scope["path"], unquote(scope["query_string"].decode()))
        policy = (
            f"default-src 'none'; script-src {self.chat}; connect-src {self.chat}; style-src 'self'; require-trusted-types-for 'script'"
        )
        headers = [(b"content-type", b"text/css" if style else b"text/html; charset=utf-8"), (b"content-security-policy", policy.encode())]
        await send({"type": "http.response.start", "status": 404 if "." in scope["path"] and not style else 200, "headers": headers})
        await send({"type": "http.response.body", "body": body.encode(), "more_body": False})

    def _page(self, path: str, attributes: str) -> str:
        script = f'<script src="{self.chat}/widget{path}.js" {attributes.replace("&", " ")} async></script>'
        head = '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/shop.css">'
        body = f"<main><h1>A shop</h1><p>Sale!</p></main>{script}"
        return f"<!doctype html><html lang=en><head><title>Shop</title>{head}</head><body>{body}</body></html>"


@dataclass
class Site:
    """The shop, the chat server behind it, and what may go wrong between them."""

    app: Litestar
    chat: str
    shop: str
    streams: CutStreams
    tenant_id: UUID
    flow_id: UUID
    channel_id: UUID

    @property
    def page(self) -> str:
        """The shop's page with the widget on it."""
        return f"{self.shop}/{self.channel_id}"

    @property
    def hosted(self) -> str:
        """The page with nothing but the chat."""
        return f"{self.chat}/w/{self.channel_id}"

    async def with_channel(self, allowed_origins: list[str] | None = None, **settings: Any) -> "Site":
        """The same shop with another channel to the same bot."""
        channel_id = uuid7()
        async with self.app.state.db.tenant(self.tenant_id) as connection:
            row = {"tenant_id": self.tenant_id, "id": channel_id, "kind": "web", "name": "Acme help", "flow_id": self.flow_id}
            origins = [self.shop] if allowed_origins is None else allowed_origins
            await connection.execute(insert(channels).values(**row, settings=settings, allowed_origins=origins))
        return replace(self, channel_id=channel_id)

    async def bot_says(self, conversation_id: str, text: str, **body: Any) -> None:
        """A message that nobody asked for, as a timer or an API's late answer brings it."""
        here = (conversations.c.tenant_id == self.tenant_id) & (conversations.c.id == UUID(conversation_id))
        count_up = update(conversations).where(here).values(last_seq=conversations.c.last_seq + 1).returning(conversations.c.last_seq)
        async with self.app.state.db.tenant(self.tenant_id) as connection:
            seq = await connection.scalar(count_up)
            row = {"tenant_id": self.tenant_id, "conversation_id": UUID(conversation_id), "seq": seq, "turn": 1, "direction": "out"}
            await connection.execute(insert(messages).values(**row, body={"type": "text", "text": text, **body}))
        await self.tell(conversation_id, kind="messages")

    async def tell(self, conversation_id: str, **news: Any) -> None:
        """Live news of a conversation."""
        await self.app.state.live.publish(self.tenant_id, topic_of(UUID(conversation_id)), news)


@asynccontextmanager
async def serve(app: ASGIApp) -> AsyncIterator[str]:
    """`app` behind a real HTTP server; its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=1))  # type: ignore[arg-type]
    task = asyncio.create_task(server.serve([listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def open_site(app: Litestar) -> AsyncIterator[Site]:
    """A shop whose bot greets, offers two answers and repeats what it is told."""
    streams = CutStreams(app)
    async with serve(streams) as chat, serve(Shop(chat)) as shop:
        site = Site(app, chat, shop, streams, uuid7(), uuid7(), uuid7())
        await _publish_bot(app, site.tenant_id, site.flow_id)
        yield await site.with_channel(heading="Acme help", accent="#0f766e")


async def _publish_bot(app: Litestar, tenant_id: UUID, flow_id: UUID) -> None:
    async with app.state.db.tenant(tenant_id) as connection:
        await connection.execute(insert(tenants).values(tenant_id=tenant_id, name="Acme"))
        await connection.execute(insert(flows).values(tenant_id=tenant_id, id=flow_id, name="Demo", draft={}, published_version=1))
        await connection.execute(insert(flow_versions).values(tenant_id=tenant_id, flow_id=flow_id, version=1, document=_echo_flow()))


def _echo_flow() -> dict[str, Any]:
    def offer(title: str, text: str) -> dict[str, Any]:
        settings = {"text": text, "choices": CHOICES, "on_other": "leave"}
        return {"type": "offer_choices", "type_version": 1, "title": title, "settings": settings, "position": {"x": 0, "y": 0}}

    ports = ["track", "human", "otherwise"]
    edges = [(source, port) for source in ("hello", "echo") for port in ports]
    return {
        "schema_version": 1,
        "name": "Demo",
        "description": "",
        "languages": {"default": "en", "others": []},
        "variables": {},
        "triggers": [{"id": "start", "type": "conversation_start", "node": "hello"}],
        "nodes": {"hello": offer("Hello", GREETING), "echo": offer("Echo", "You said: {{ message.text }}")},
        "edges": {f"e{number}": {"source": source, "port": port, "target": "echo"} for number, (source, port) in enumerate(edges)},
        "settings": {},
    }
