"""The stages of a channel, chosen on their page and over the API; what they do to a provider's file."""

import html
import re

import pytest
from litestar import Litestar
from sqlalchemy import select

from server.channels.contract import File
from server.channels.tables import channels
from server.conversations.hear import hear_file
from server.conversations.processing.about import stages
from server.conversations.processing.contract import Aids
from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.http import OutboundClient
from tests.conftest import Workspace
from tests.server.conversations.processing.test_picture_metadata import PHOTOS
from tests.server.turns.bots import ECHO, publish


async def test_the_stages_of_a_channel_are_chosen(app: Litestar, db: Database, owner: Workspace) -> None:
    bot = await publish(db, ECHO, owner.tenant_id, settings={"heading": "Shop"})
    page, api = f"/channels/{bot.channel_id}/processing", f"/api/v1/channels/{bot.channel_id}/processing"
    shown = (await owner.client.get(page)).text
    names = re.findall(r'name="(\w+)\.on"', shown)
    assert sorted(names) == sorted(about.name for about in stages())
    assert "CHATLOOM_CLAMD" in shown
    assert "Clean pictures" in (await owner.client.get(f"/channels/{bot.channel_id}")).text

    wrong = {"normalise.on": "true", "normalise.longest": "many", "noise.phrases": "a\nb"}
    refused = await owner.client.post(page, data=wrong)
    assert refused.status_code == 422
    assert 'id="f-normalise.longest-error"' in refused.text
    assert 'value="many"' in refused.text
    assert "The processing was not saved" not in refused.text, "the field says it"

    saved = await owner.client.post(page, data=wrong | {"normalise.longest": "200", "picture_metadata.on_error": "refuse"})
    assert (saved.status_code, saved.headers["location"]) == (303, f"/channels/{bot.channel_id}")
    told = (await owner.client.get(api)).json()["stages"]
    assert told["normalise"] == {"on": True, "on_error": "skip", "settings": told["normalise"]["settings"]}
    assert told["normalise"]["settings"]["longest"] == "200"
    assert (told["picture_metadata"]["on"], told["picture_metadata"]["on_error"]) == (False, "refuse"), "what is not ticked is off"
    assert told["noise"]["settings"]["phrases"] == "a\nb"
    async with db.tenant(owner.tenant_id) as conn:
        kept = await conn.scalar(select(channels.c.settings).where(channels.c.id == bot.channel_id))
    assert kept["heading"] == "Shop"
    changed = await owner.client.patch(f"/api/v1/channels/{bot.channel_id}", json={"settings": {"heading": "Other"}})
    assert changed.json()["settings"]["processing"]["normalise"]["on"] is True, "the channel's own settings leave it alone"
    assert "Tidy the text" in html.unescape((await owner.client.get(f"/channels/{bot.channel_id}")).text)


async def test_the_api_takes_what_fits_the_stages(app: Litestar, db: Database, owner: Workspace) -> None:
    bot = await publish(db, ECHO, owner.tenant_id)
    api = f"/api/v1/channels/{bot.channel_id}/processing"
    listed = (await owner.client.get("/api/v1/processing-stages")).json()["data"]
    assert [one["name"] for one in listed] == [about.name for about in stages()]
    given = {"mood": {"on": True}, "nothing": {"on": True}, "place": {"on": True, "settings": {"round": "7", "odd": "1"}}}
    refused = await owner.client.put(api, json={"stages": given})
    assert refused.status_code == 422
    assert set(refused.json()["fields"]) == {"nothing", "place.round", "place.odd"}
    assert (await owner.client.put(api, json={"stages": {"mood": {"on": True, "owner": 1}}})).status_code == 422
    kept = (await owner.client.put(api, json={"stages": {"mood": {"on": True}}})).json()["stages"]
    assert (kept["mood"]["on"], kept["mood"]["on_error"], kept["place"]["on"]) == (True, "skip", False)


async def test_a_providers_file_goes_through_the_stages_on_its_way() -> None:
    aids = Aids(OutboundClient())
    cleaned = await hear_file({}, File("image/jpeg", PHOTOS["image/jpeg"]), aids)
    assert b"SecretCamera" not in cleaned.content
    small = {"processing": {"file_limits": {"on": True, "settings": {"kinds": "text"}}}}
    with pytest.raises(Problem, match="Send one of: text"):
        await hear_file(small, File("image/jpeg", PHOTOS["image/jpeg"]), aids)
    with pytest.raises(Problem, match="not accepted"):
        await hear_file(small, File("text/plain", b"\0\1\2"), aids)
    assert (await hear_file({}, File("application/zip", b"PK\3\4"), aids)).content == b"PK\3\4", "kinds were nobody's choice"
