"""Every type of event has a schema that says the same as the check."""

import jsonschema
import msgspec
import pytest
from sqlalchemy import select

from server.events.catalogue import BadEvent, catalogue, check, check_text, versions
from server.events.declare import EventType, event
from server.events.record import record
from server.kit.db import Database
from server.kit.ids import uuid7
from server.kit.tables import events
from tests.server.events.logs import make_tenant

TYPES = list(versions().values())
AROUND = {"id", "version", "conversation_id", "flow_id", "flow_version", "channel_id"}
BY_TURNS = ("conversation", "message", "turn", "intent", "tracked")


@pytest.mark.parametrize("type", TYPES, ids=lambda type: f"{type.name} {type.version}")
class TestEveryType:
    def test_its_example_fits_the_check_and_the_schema(self, type: EventType) -> None:
        jsonschema.Draft202012Validator.check_schema(type.schema())
        jsonschema.validate(dict(type.example), type.schema())
        assert check(type.name, type.example, type.version) is type

    def test_an_unknown_property_is_refused_by_both(self, type: EventType) -> None:
        odd = {**type.example, "surprise": 1}
        with pytest.raises(BadEvent, match="surprise"):
            check(type.name, odd, type.version)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(odd, type.schema())

    def test_a_missing_property_is_refused_by_both(self, type: EventType) -> None:
        for name in type.schema().get("required", []):
            short = {key: value for key, value in type.example.items() if key != name}
            with pytest.raises(BadEvent, match=name):
                check(type.name, short, type.version)
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate(short, type.schema())

    def test_says_when_it_happens(self, type: EventType) -> None:
        assert type.summary.endswith(".")
        assert type.topic == type.name.partition(".")[0]


class TestVersions:
    def test_the_latest_is_the_one_that_is_written(self) -> None:
        assert check("health.changed", catalogue()["health.changed"].example).version == 2
        with pytest.raises(BadEvent, match=r"health\.changed version 1"):
            check("health.changed", catalogue()["health.changed"].example, version=1)

    def test_one_that_this_server_does_not_know_yet_is_a_bad_event(self) -> None:
        with pytest.raises(BadEvent, match=r"no type of event called message\.sent version 99"):
            check("message.sent", {"turn": 1, "seq": 1}, version=99)

    @pytest.mark.parametrize("type", catalogue().values(), ids=lambda type: type.name)
    def test_no_property_has_a_name_of_what_stands_around_an_event(self, type: EventType) -> None:
        assert not AROUND & set(type.props.__struct_fields__)

    @pytest.mark.parametrize("type", catalogue().values(), ids=lambda type: type.name)
    def test_turns_write_first_versions(self, type: EventType) -> None:
        """Their statement names no version; a second one of these types needs a column there."""
        assert type.topic not in BY_TURNS or type.version == 1


class TestCheck:
    def test_names_an_unknown_type(self) -> None:
        with pytest.raises(BadEvent, match=r"no type of event called message\.lost"):
            check("message.lost", {})

    def test_names_the_property_that_does_not_fit(self) -> None:
        with pytest.raises(BadEvent, match=r"message\.sent version 1: .*seq"):
            check("message.sent", {"turn": 1, "seq": 0})

    def test_text_that_is_no_json_is_a_bad_event(self) -> None:
        with pytest.raises(BadEvent, match=r"message\.sent"):
            check_text("message.sent", "{")


class TestEvent:
    def test_a_name_is_declared_once(self) -> None:
        with pytest.raises(ValueError, match=r"two types of event are called message\.sent"):

            @event("message.sent", example={})
            class Other(msgspec.Struct):
                """Something else."""


class TestRecord:
    async def test_writes_an_event_in_the_callers_transaction(self, db: Database) -> None:
        tenant_id = await make_tenant(db)
        async with db.tenant(tenant_id) as conn:
            await record(conn, tenant_id, "flow.published", {}, flow_id=uuid7(), flow_version=2)
            assert (await conn.execute(select(events.c.type, events.c.version, events.c.props))).one() == ("flow.published", 2, {})

    async def test_refuses_what_does_not_fit_before_anything_is_written(self, db: Database) -> None:
        tenant_id = await make_tenant(db)
        async with db.tenant(tenant_id) as conn:
            with pytest.raises(BadEvent, match="seq"):
                await record(conn, tenant_id, "message.read", {"seq": "two"})
            assert (await conn.execute(select(events))).first() is None
