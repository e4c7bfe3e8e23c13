"""Every type of event has a schema that says the same as the check."""

import jsonschema
import msgspec
import pytest
from sqlalchemy import select

from server.events.catalogue import BadEvent, catalogue, check, check_text
from server.events.declare import EventType, event
from server.events.record import record
from server.kit.db import Database
from server.kit.ids import uuid7
from server.kit.tables import events
from tests.server.events.logs import make_tenant

TYPES = list(catalogue().values())


@pytest.mark.parametrize("type", TYPES, ids=lambda type: type.name)
class TestEveryType:
    def test_its_example_fits_the_check_and_the_schema(self, type: EventType) -> None:
        jsonschema.Draft202012Validator.check_schema(type.schema())
        jsonschema.validate(dict(type.example), type.schema())
        assert check(type.name, type.example) is type

    def test_an_unknown_property_is_refused_by_both(self, type: EventType) -> None:
        odd = {**type.example, "surprise": 1}
        with pytest.raises(BadEvent, match="surprise"):
            check(type.name, odd)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(odd, type.schema())

    def test_a_missing_property_is_refused_by_both(self, type: EventType) -> None:
        for name in type.schema().get("required", []):
            short = {key: value for key, value in type.example.items() if key != name}
            with pytest.raises(BadEvent, match=name):
                check(type.name, short)
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate(short, type.schema())

    def test_says_when_it_happens(self, type: EventType) -> None:
        assert type.summary.endswith(".")
        assert type.topic == type.name.partition(".")[0]


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
            await record(conn, tenant_id, "flow.published", {"version": 2}, flow_id=uuid7(), flow_version=2)
            assert (await conn.execute(select(events.c.type, events.c.props))).one() == ("flow.published", {"version": 2})

    async def test_refuses_what_does_not_fit_before_anything_is_written(self, db: Database) -> None:
        tenant_id = await make_tenant(db)
        async with db.tenant(tenant_id) as conn:
            with pytest.raises(BadEvent, match="version"):
                await record(conn, tenant_id, "flow.published", {"version": "two"})
            assert (await conn.execute(select(events))).first() is None
