"""Every event reaches a Kafka, in order, with its key and headers: against the mock cluster of librdkafka, over its real protocol."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import confluent_kafka
import pytest
from sqlalchemy import select

from server.events.kafka import Sink, options_of
from server.events.read import read_all
from server.events.reader import Later, woken_readers
from server.events.tables import bad_events
from server.kit.db import Database
from server.kit.jobs import Resources
from server.kit.settings import BadSetting, Settings, read_settings
from tests.server.events.logs import log, log_messages, make_tenant


@pytest.fixture(scope="module")
def brokers() -> Iterator[str]:
    """The addresses of a cluster of three."""
    options = {"bootstrap.servers": "mock:1", "test.mock.num.brokers": 3, "logger": SimpleNamespace(log=lambda *_: None)}
    cluster = confluent_kafka.Producer(options)
    found = cluster.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{one.host}:{one.port}" for one in found)
    cluster.flush(1)


def settings_for(brokers: str, **more: str) -> Settings:
    return read_settings({"CHATLOOM_KAFKA": brokers, **more})


def consumed(brokers: str, topic: str, wanted: int) -> list[Any]:
    """What the topic holds of a wanted number of messages, as another program reads it."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": brokers, "group.id": topic})
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([confluent_kafka.TopicPartition(topic, number, confluent_kafka.OFFSET_BEGINNING) for number in partitions])
        found: list[Any] = []
        while len(found) < wanted and (message := consumer.poll(20)) is not None:
            assert message.error() is None
            found.append(message)
        return found
    finally:
        consumer.close()


async def test_every_event_arrives_in_order_with_its_key_and_headers(db: Database, brokers: str) -> None:
    tenant_id = await make_tenant(db)
    await log_messages(db, tenant_id, *range(1, 6))
    sink = Sink(settings_for(brokers, CHATLOOM_KAFKA_TOPICS="acme."))
    await read_all(db, sink.reader)
    await log_messages(db, tenant_id, 6)
    await read_all(db, sink.reader)
    messages = consumed(brokers, "acme.message", 6)
    assert [json.loads(message.value())["data"]["seq"] for message in messages] == [1, 2, 3, 4, 5, 6]
    assert {message.key() for message in messages} == {str(tenant_id).encode()}
    headers = dict(messages[0].headers())
    assert headers == {
        "tenant": str(tenant_id).encode(),
        "id": str(json.loads(messages[0].value())["data"]["id"]).encode(),
        "type": b"message.sent",
        "version": b"1",
    }


async def test_a_kafka_that_is_away_costs_no_event(db: Database, brokers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant_id = await make_tenant(db)
    await log_messages(db, tenant_id, 1)
    with monkeypatch.context() as hurried:
        hurried.setattr("server.events.kafka.TAKEN_WITHIN_MS", 300)
        away = Sink(settings_for("127.0.0.1:1", CHATLOOM_KAFKA_TOPICS="away."))
    with pytest.raises(Later, match="Kafka does not take events"):
        await read_all(db, away.reader)
    await read_all(db, Sink(settings_for(brokers, CHATLOOM_KAFKA_TOPICS="away.")).reader)
    assert len(consumed(brokers, "away.message", 1)) == 1


async def test_a_message_that_kafka_refuses_costs_itself_only(db: Database, brokers: str, tmp_path: Path) -> None:
    options = tmp_path / "kafka.properties"
    options.write_text("# not much\nmessage.max.bytes = 1000\n")
    tenant_id = await make_tenant(db)
    async with db.tenant(tenant_id) as conn:
        await log(conn, tenant_id, "tracked", name="small", props={})
        await log(conn, tenant_id, "tracked", name="large", props={"text": "x" * 2_000})
        await log(conn, tenant_id, "tracked", name="last", props={})
    sink = Sink(settings_for(brokers, CHATLOOM_KAFKA_TOPICS="large.", CHATLOOM_KAFKA_OPTIONS=str(options)))
    await read_all(db, sink.reader)
    found = consumed(brokers, "large.tracked", 2)
    assert [json.loads(message.value())["data"]["name"] for message in found] == ["small", "last"]
    assert await reasons(db, tenant_id) == [("pending", "Refused in the reader kafka")]


async def reasons(db: Database, tenant_id: UUID) -> list[tuple[str, str]]:
    async with db.tenant(tenant_id) as conn:
        return [(row.status, row.reason) for row in await conn.execute(select(bad_events.c.status, bad_events.c.reason))]


class TestSwitch:
    def test_it_is_woken_where_it_is_set(self) -> None:
        def names(settings: Settings) -> set[str]:
            return {reader.name for reader in woken_readers(cast(Resources, SimpleNamespace(settings=settings)))}

        assert "kafka" in names(settings_for("kafka:9092"))
        assert "kafka" not in names(read_settings({}))
        assert "streams" not in names(read_settings({})), "it has a way of its own"

    def test_without_its_package_the_server_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "confluent_kafka", None)
        with pytest.raises(BadSetting, match="CHATLOOM_KAFKA needs the package confluent-kafka"):
            woken_readers(cast(Resources, SimpleNamespace(settings=settings_for("kafka:9092"))))

    @pytest.mark.parametrize("text", ["kafka", "kafka:0", "kafka:9092,:1"])
    def test_brokers_have_a_host_and_a_port(self, text: str) -> None:
        with pytest.raises(BadSetting, match="CHATLOOM_KAFKA must be host:port"):
            settings_for(text)

    def test_topics_have_names_that_kafka_takes(self) -> None:
        with pytest.raises(BadSetting, match="CHATLOOM_KAFKA_TOPICS must be letters"):
            settings_for("kafka:9092", CHATLOOM_KAFKA_TOPICS="a b")


class TestOptions:
    def test_those_of_the_operator_win(self, tmp_path: Path) -> None:
        path = tmp_path / "kafka.properties"
        path.write_text("\nsecurity.protocol=SASL_SSL\nclient.id = shop\n")
        options = options_of(settings_for("kafka:9092", CHATLOOM_KAFKA_OPTIONS=str(path)))
        assert (options["security.protocol"], options["client.id"], options["bootstrap.servers"]) == ("SASL_SSL", "shop", "kafka:9092")

    @pytest.mark.parametrize(("text", "reason"), [("security.protocol", "line 1 must be name=value"), (None, "cannot be read")])
    def test_a_file_that_cannot_be_used_is_said(self, tmp_path: Path, text: str | None, reason: str) -> None:
        path = tmp_path / "kafka.properties"
        if text is not None:
            path.write_text(text)
        with pytest.raises(BadSetting, match=reason):
            options_of(settings_for("kafka:9092", CHATLOOM_KAFKA_OPTIONS=str(path)))
