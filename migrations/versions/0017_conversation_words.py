"""Search over what was said."""

from alembic import op

from migrations.policies import protect

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_FOLDED = "regexp_replace(normalize(left(concat_ws(' ', body->>'text', body->'file'->>'name'), 20000), nfkd), '[\u0300-\u036f]', '', 'g')"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE conversation_words (
            tenant_id UUID NOT NULL,
            word TEXT COLLATE "C" NOT NULL,
            conversation_id UUID NOT NULL,
            seq INTEGER NOT NULL,
            CONSTRAINT conversation_words_pkey PRIMARY KEY (tenant_id, word, conversation_id),
            CONSTRAINT conversation_words_tenant_id_conversation_id_fkey FOREIGN KEY(tenant_id, conversation_id)
                REFERENCES conversations (tenant_id, id) ON DELETE CASCADE
        )
    """)
    # The owner is bound by the policies too; for as long as this transaction lasts it reads the messages of every tenant.
    op.execute("alter table messages no force row level security")
    op.execute(f"""
        insert into conversation_words (tenant_id, word, conversation_id, seq)
        select tenant_id, w.lexeme, conversation_id, min(seq)
        from messages cross join lateral unnest(to_tsvector('simple', {_FOLDED})) w
        where length(w.lexeme) <= 100
        group by tenant_id, w.lexeme, conversation_id
    """)
    op.execute("alter table messages force row level security")
    op.execute("CREATE INDEX conversation_words_tenant_id_conversation_id_idx ON conversation_words (tenant_id, conversation_id)")
    protect("conversation_words")
