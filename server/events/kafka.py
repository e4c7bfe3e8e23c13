"""The log told on to a Kafka, for those who run one: topics `<prefix><topic>`, in order for each conversation, at least once.

A message's value is the JSON that webhooks get; its key is the conversation's id, else the tenant's; its headers are `tenant`, `id`,
`type` and `version`. A portion counts as read when all of it was acknowledged by all replicas in sync. While Kafka is away the log waits.
"""

import asyncio
import importlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from server.events.logged import Logged, told
from server.events.reader import Later, Reader, reads
from server.kit.jobs import Resources
from server.kit.settings import BadSetting, Settings, variable_of

NAME = "kafka"
TAKEN_WITHIN_MS = 10_000
ANSWER_WITHIN_S = 15.0
QUEUE_FULL_S = 0.1
REFUSED = frozenset(("MSG_SIZE_TOO_LARGE", "INVALID_MSG", "INVALID_RECORD", "RECORD_LIST_TOO_LARGE"))
"""Errors of a message itself: it would be refused again."""


log = logging.getLogger(__name__)


class Refused(Exception):
    """Kafka will never take this message."""


class Sink:
    """One producer, shared by all that is sent from this process; it is used by one thread at a time."""

    def __init__(self, settings: Settings) -> None:
        self._options = options_of(settings)
        self._topics = settings.kafka_topics
        self._producer: Any = None
        self._free = asyncio.Lock()
        self.reader = Reader(NAME, self._read)

    async def _read(self, conn: AsyncConnection, tenant_id: UUID, found: Sequence[Logged]) -> None:
        async with self._free:
            errors = await asyncio.to_thread(self._send, tenant_id, found)
        if not errors:
            return
        if any(error.name() in REFUSED for error in errors):
            raise Refused(str(errors[0]))
        if any(error.fatal() for error in errors):
            self._producer = None
        raise Later(f"Kafka does not take events: {errors[0]}")

    def _send(self, tenant_id: UUID, found: Sequence[Logged]) -> list[Any]:
        """Send, and wait for every answer; the errors."""
        kafka = _library()
        self._producer = self._producer or kafka.Producer(self._options, logger=log)
        errors: list[Any] = []
        for event in found:
            message = self._message(tenant_id, event)
            try:
                while not self._taken(message, errors):
                    self._producer.poll(QUEUE_FULL_S)
            except kafka.KafkaException as error:
                errors.append(error.args[0])
        self._producer.flush(ANSWER_WITHIN_S)
        return errors

    def _taken(self, message: dict[str, Any], errors: list[Any]) -> bool:
        """Whether librdkafka had room for it in its queue."""

        def answered(error: Any, message: Any) -> None:
            if error is not None:
                errors.append(error)

        try:
            self._producer.produce(**message, on_delivery=answered)
        except BufferError:
            return False
        return True

    def _message(self, tenant_id: UUID, event: Logged) -> dict[str, Any]:
        headers = {"tenant": str(tenant_id), "id": str(event.id), "type": event.type, "version": str(event.version)}
        return {
            "topic": self._topics + event.topic,
            "key": str(event.conversation_id or tenant_id).encode(),
            "value": msgspec.json.encode(told(event)),
            "headers": [(name, value.encode()) for name, value in headers.items()],
            "timestamp": round(event.at.timestamp() * 1_000),
        }


def options_of(settings: Settings) -> dict[str, str | int | bool]:
    """The options of librdkafka: ours, and over them those of the operator's file. Raises BadSetting."""
    ours: dict[str, str | int | bool] = {
        "bootstrap.servers": settings.kafka or "",
        "client.id": "chatloom",
        "enable.idempotence": True,
        "linger.ms": 5,
        "message.timeout.ms": TAKEN_WITHIN_MS,
    }
    return ours | (_read_options(settings.kafka_options) if settings.kafka_options else {})


def _read_options(path: Path) -> dict[str, str]:
    variable = variable_of("kafka_options")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"{variable} names a file that cannot be read: {error}") from None
    options: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        name, equals, value = line.partition("=")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not (equals and name.strip()):
            raise BadSetting(f"{variable}: line {number} must be name=value")
        options[name.strip()] = value.strip()
    return options


def _library() -> Any:
    try:
        return importlib.import_module("confluent_kafka")
    except ImportError:
        raise BadSetting(f"{variable_of('kafka')} needs the package confluent-kafka: pip install 'chatloom[kafka]'") from None


_sinks: dict[tuple[str, str, Path | None], Sink] = {}


def _make(resources: Resources) -> Reader | None:
    settings = resources.settings
    if settings.kafka is None:
        return None
    _library()
    key = settings.kafka, settings.kafka_topics, settings.kafka_options
    return _sinks.setdefault(key, Sink(settings)).reader


reads(NAME, _make)
