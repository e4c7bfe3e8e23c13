"""Row-level security: how a table is put under the tenant's policy, and the two narrow doors beside it.

The sub-select makes PostgreSQL read the setting once per statement instead of once per row. An empty setting means no rows.
"""

from collections.abc import Sequence

from alembic import op

APP_ROLE = "chatloom_app"
SWEEPER_ROLE = "chatloom_sweeper"


def _setting(name: str, cast: str) -> str:
    return f"(select nullif(current_setting('app.{name}', true), '')::{cast})"


def create_roles() -> None:
    """Make the roles when they are missing: both own nothing and cannot sign in by themselves."""
    for role in (APP_ROLE, SWEEPER_ROLE):
        op.execute(
            f"do $$ begin if not exists (select from pg_roles where rolname = '{role}') "
            f"then create role {role} nologin nosuperuser nobypassrls; end if; "
            f"exception when duplicate_object or unique_violation then null; end $$"
        )
        op.execute(f"grant usage on schema public to {role}")
        # Who made a role may administer it but not act as it (PostgreSQL 16 and newer): the application's login has to be told so.
        op.execute(f"do $$ begin if not pg_has_role(current_user, '{role}', 'set') then grant {role} to current_user; end if; end $$")


def protect(table: str) -> None:
    """Only rows of the transaction's tenant; the owner is bound too (FORCE)."""
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    own = f"tenant_id = {_setting('tenant_id', 'uuid')}"
    op.execute(f"create policy tenant on {table} to {APP_ROLE} using ({own}) with check ({own})")
    op.execute(f"grant select, insert, update, delete on {table} to {APP_ROLE}")


def allow_lookup(table: str, column: str, setting: str, cast: str) -> None:
    """Rows can be read by whoever names them, before the tenant is known."""
    op.execute(f"create policy lookup_{column} on {table} for select to {APP_ROLE} using ({column} = {_setting(setting, cast)})")


def allow_sweep(table: str, columns: Sequence[str]) -> None:
    """The sweeper reads these columns (ids and due times, never content) of every tenant."""
    op.execute(f"create policy sweep on {table} for select to {SWEEPER_ROLE} using (true)")
    op.execute(f"grant select ({', '.join(columns)}) on {table} to {SWEEPER_ROLE}")
