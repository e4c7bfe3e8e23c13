"""`chatloom events follow`."""

import asyncio
from uuid import UUID

import click
from redis.asyncio import Redis
from redis.exceptions import RedisError

from server.events.catalogue import topics
from server.events.groups import acknowledge, take
from server.events.streams import stream_of
from server.kit.settings import BadSetting, read_settings

AT_ONCE = 100


@click.group("events")
def events_group() -> None:
    """What happens in the workspaces, as it happens."""


@events_group.command("follow")
@click.option(
    "--group", default="follow", show_default=True, help="The consumer group: its members share the entries, and it goes on where it was."
)
@click.option("--member", default="1", show_default=True, help="Which member of the group this is.")
@click.option("--topic", "chosen", multiple=True, type=click.Choice(sorted(topics())), help="Only this topic; may be given more than once.")
@click.option("--workspace", type=click.UUID, help="Only the events of this workspace.")
@click.option("--most", type=click.IntRange(1), help="End after so many events; without it, never.")
def follow(group: str, member: str, chosen: tuple[str, ...], workspace: UUID | None, most: int | None) -> None:
    """Print events as lines of JSON; each is acknowledged when it was printed."""
    settings = read_settings()
    if settings.redis_url is None:
        raise BadSetting("`events follow` needs CHATLOOM_REDIS_URL: the address `chatloom run` uses, or your own Redis's")
    names = [stream_of(topic) for topic in (chosen or topics())]
    try:
        asyncio.run(_follow(settings.redis_url, names, group, member, workspace, most))
    except (RedisError, OSError) as error:
        raise click.ClickException(f"Redis does not answer: {error}") from None
    except KeyboardInterrupt:
        return


async def _follow(url: str, names: list[str], group: str, member: str, workspace: UUID | None, most: int | None) -> None:
    printed = 0
    async with Redis.from_url(url) as redis:
        while most is None or printed < most:
            for entry in await take(redis, group, member, names, AT_ONCE if most is None else min(most - printed, AT_ONCE)):
                if workspace is None or entry.text("tenant") == str(workspace):
                    click.echo(entry.text("event"))
                    printed += 1
                await acknowledge(redis, group, [entry])


commands: list[click.Command] = [events_group]
