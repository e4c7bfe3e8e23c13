"""Contacts, conversations, what came in (inbox), what was said (messages), what must go out (outbox), files (uploads)."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from server.kit.db import metadata

# `merged_into`: the contact that is the same person and stands for this one.
contacts = Table(
    "contacts",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("channel_id", Uuid, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("name", Text),
    Column("language", Text),
    Column("attributes", JSONB, nullable=False, server_default="{}"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("merged_into", Uuid),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "channel_id", "external_id"),
    ForeignKeyConstraint(["tenant_id", "merged_into"], ["contacts.tenant_id", "contacts.id"]),
    Index("contacts_merged_idx", "tenant_id", "merged_into", postgresql_where=text("merged_into is not null")),
    Index(None, "tenant_id", "created_at"),
)

conversations = Table(
    "conversations",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("channel_id", Uuid, nullable=False),
    Column("contact_id", Uuid, nullable=False),
    Column("flow_id", Uuid, nullable=False),
    Column("flow_version", Integer, nullable=False),
    Column("is_test", Boolean, nullable=False, server_default="false"),
    Column("status", Text, nullable=False, server_default="open"),
    Column("outcome", Text),
    Column("state", JSONB),
    Column("state_version", Integer, nullable=False, server_default="0"),
    Column("waiting_for", Text),
    Column("listens", Boolean, nullable=False, server_default="true"),
    Column("turn", Integer, nullable=False, server_default="0"),
    Column("last_seq", Integer, nullable=False, server_default="0"),
    Column("lease_no", Integer, nullable=False, server_default="0"),
    Column("lease_until", DateTime(timezone=True)),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("ended_at", DateTime(timezone=True)),
    Column("thread", Text),
    Column("reply_place", JSONB),
    Column("heard_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id", "contact_id"], ["contacts.tenant_id", "contacts.id"]),
    Index(None, "tenant_id", "updated_at"),
    Index(None, "tenant_id", "contact_id"),
    Index(None, "tenant_id", "flow_id", "started_at"),
    Index("conversations_idle_idx", "updated_at", postgresql_where=text("status = 'open'")),
    postgresql_with={"fillfactor": "70"},
)

# Every input of every turn, in the order of its ids; `turn` and `turn_order` say where it was used: replay reads them back. `status` is
# pending, processed, ignored, dead, or early: an event that came before the flow waits for it. `ready_at`: until then a pending input may
# be with the stages of processing that reach outside, and has no turn.
inbox = Table(
    "inbox",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("conversation_id", Uuid, nullable=False),
    Column("channel_id", Uuid, nullable=False),
    Column("external_id", Text),
    Column("input", JSONB, nullable=False),
    Column("kind", Text, Computed("input->>'kind'", persisted=True)),
    Column("status", Text, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("error", Text),
    Column("turn", Integer),
    Column("turn_order", Integer),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("processed_at", DateTime(timezone=True)),
    Column("ready_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "channel_id", "external_id"),
    ForeignKeyConstraint(["tenant_id", "conversation_id"], ["conversations.tenant_id", "conversations.id"], ondelete="CASCADE"),
    Index(None, "tenant_id", "conversation_id"),
    Index("inbox_waiting_idx", "tenant_id", "received_at", postgresql_where=text("status = 'pending'")),
    Index("inbox_dead_idx", "tenant_id", "received_at", postgresql_where=text("status = 'dead'")),
    Index("inbox_early_idx", "received_at", postgresql_where=text("status = 'early'")),
    Index("inbox_pending_idx", "tenant_id", "conversation_id", "id", postgresql_where=text("status = 'pending'")),
)

messages = Table(
    "messages",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("conversation_id", Uuid, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("direction", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("client_message_id", Text),
    Column("at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id", "conversation_id", "seq"),
    ForeignKeyConstraint(["tenant_id", "conversation_id"], ["conversations.tenant_id", "conversations.id"], ondelete="CASCADE"),
)

# Only channels that we push to have outbox rows; the web widget pulls its messages by sequence number from `messages`. `place_at` is the
# moment that the channel's rate gave to the message.
outbox = Table(
    "outbox",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("conversation_id", Uuid, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("channel_id", Uuid, nullable=False),
    Column("status", Text, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("lease_no", Integer, nullable=False, server_default="0"),
    Column("lease_until", DateTime(timezone=True)),
    Column("provider_id", Text),
    Column("error", Text),
    Column("sent_at", DateTime(timezone=True)),
    Column("place_at", DateTime(timezone=True)),
    Column("delivered_at", DateTime(timezone=True)),
    Column("read_at", DateTime(timezone=True)),
    Column("parts_sent", Integer, nullable=False, server_default="0"),
    PrimaryKeyConstraint("tenant_id", "conversation_id", "seq"),
    ForeignKeyConstraint(["tenant_id", "conversation_id"], ["conversations.tenant_id", "conversations.id"], ondelete="CASCADE"),
    Index("outbox_due_idx", "tenant_id", "due_at", postgresql_where=text("status in ('pending', 'sending')")),
    Index("outbox_dead_idx", "tenant_id", "due_at", postgresql_where=text("status in ('dead', 'maybe')")),
    Index("outbox_provider_idx", "tenant_id", "channel_id", "provider_id", postgresql_where=text("provider_id is not null")),
)

# Channels whose other side asked us to wait; nothing is sent to them before that.
delivery_pauses = Table(
    "delivery_pauses",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("channel_id", Uuid, nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
    Column("reason", Text, nullable=False),
    Column("blocked", Boolean, nullable=False, server_default="false"),
    PrimaryKeyConstraint("tenant_id", "channel_id"),
    ForeignKeyConstraint(["tenant_id", "channel_id"], ["channels.tenant_id", "channels.id"], ondelete="CASCADE"),
)

# What a provider said of a message before its answer to our sending told us the message's id.
early_receipts = Table(
    "early_receipts",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("channel_id", Uuid, nullable=False),
    Column("provider_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("error", Text),
    Column("noted_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id", "channel_id", "provider_id", "state"),
    ForeignKeyConstraint(["tenant_id", "channel_id"], ["channels.tenant_id", "channels.id"], ondelete="CASCADE"),
    Index(None, "tenant_id", "noted_at"),
)

# The content is in the store of files under `key`; `annotations` are what the stages of processing found. `used_at`: when the first message
# had it; a file that no message has is dropped.
uploads = Table(
    "uploads",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("conversation_id", Uuid),
    Column("member_id", Uuid),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("key", Text, nullable=False),
    Column("used_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("annotations", JSONB(none_as_null=True)),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index(None, "tenant_id", "conversation_id"),
)

# The words of the transcripts, for search; filled from the event log after the turn, so that a turn does not wait for it.
conversation_words = Table(
    "conversation_words",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("word", Text(collation="C"), nullable=False),
    Column("conversation_id", Uuid, nullable=False),
    Column("seq", Integer, nullable=False),
    PrimaryKeyConstraint("tenant_id", "word", "conversation_id"),
    ForeignKeyConstraint(["tenant_id", "conversation_id"], ["conversations.tenant_id", "conversations.id"], ondelete="CASCADE"),
    Index(None, "tenant_id", "conversation_id"),
)
