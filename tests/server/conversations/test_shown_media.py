"""Pictures of the bot as the channel shows them."""

import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from litestar import Litestar
from PIL import Image

from server.channels.about import About, about_of, kinds
from server.conversations.processing.pictures import WRITTEN
from server.conversations.shown_media import MediaLinks, acceptable
from server.kit.secrets import Vault
from server.kit.settings import Settings
from tests.fakes.http import Answering, FakeServer, Request
from tests.server.conversations.processing.test_picture_metadata import picture


async def _answer(request: Request, to: Answering) -> None:
    await to.send(200, picture("WEBP", lossless=True) if "good" in request.path else b"<html>")


@pytest.fixture
async def shop() -> AsyncIterator[FakeServer]:
    with FakeServer(_answer) as server:
        yield server


@pytest.fixture
async def settings(settings: Settings, shop: FakeServer) -> Settings:
    return replace(settings, outbound_allow=frozenset({shop.host}))


def test_only_what_a_channel_does_not_show_gets_another_address(tmp_path: Path) -> None:
    links, whatsapp = MediaLinks(Vault.open(tmp_path / "key"), "https://chat.example"), about_of("whatsapp")
    assert whatsapp is not None
    kept = ["https://s.example/a.jpg?x=1.webp", "https://s.example/a.PNG", "https://s.example/picture", "https://[bad"]
    for url in kept:
        body = {"type": "text", "text": "", "media": [{"kind": "image", "url": url, "alt": ""}]}
        assert acceptable(body, whatsapp, links) == body
    said = {
        "media": [{"kind": "image", "url": "https://s.example/a.webp", "alt": "A"}, {"kind": "file", "url": "https://s.example/b.webp"}],
        "cards": [{"title": "C", "image_url": "https://s.example/c.gif?w=2", "buttons": []}, {"title": "D", "buttons": []}],
    }
    told = acceptable(said, whatsapp, links)
    assert links.read(told["media"][0]["url"].rpartition("/")[2]) == ("https://s.example/a.webp", "image/jpeg")
    assert links.read(told["cards"][0]["image_url"].rpartition("/")[2]) == ("https://s.example/c.gif?w=2", "image/jpeg")
    assert (told["media"][1], told["cards"][1]) == (said["media"][1], said["cards"][1])
    assert acceptable(said, About("any", "Any"), links) is said
    assert [about.kind for about in kinds() if about.pictures and not set(about.pictures) & WRITTEN] == [], "each names one we can write"


async def test_a_picture_is_converted_where_it_is_asked_for(app: Litestar, client: httpx.AsyncClient, shop: FakeServer) -> None:
    links = MediaLinks(app.state.vault, "")
    made = await client.get(links.url(f"{shop.url}/good.webp", "image/jpeg"))
    assert (made.status_code, made.headers["content-type"]) == (200, "image/jpeg")
    assert Image.open(io.BytesIO(made.content)).format == "JPEG"
    for source in (f"{shop.url}/bad.webp", "https://127.0.0.2/a.webp"):
        sent_on = await client.get(links.url(source, "image/jpeg"))
        assert (sent_on.status_code, sent_on.headers["location"]) == (302, source), "nothing is lost: they get it as it is"
    path = urlsplit(links.url(f"{shop.url}/good.webp", "image/jpeg")).path
    for forged in (f"{path[:-4]}AAAA", "/media/AAAA", "/media/!"):
        assert (await client.get(forged)).status_code == 404
