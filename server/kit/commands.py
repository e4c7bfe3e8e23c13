"""`chatloom run`, `migrate` and `doctor`."""

import sys

import click

from server.kit.settings import read_settings


@click.command()
def run() -> None:
    """Start everything on this machine and print a sign-in link."""
    from server.kit.embedded.folders import EmbeddedError
    from server.kit.run import CannotRun
    from server.kit.run import run as run_all

    try:
        run_all(read_settings(), click.echo)
    except (CannotRun, EmbeddedError) as error:
        raise click.ClickException(str(error)) from None


@click.command()
def migrate() -> None:
    """Bring an outside database to this version's tables."""
    import asyncio

    from server.kit.migrate import migrate as migrate_database

    settings = read_settings()
    url = settings.migration_database_url or settings.database_url
    if url is None:
        raise click.ClickException("Set CHATLOOM_DATABASE_URL first. (The embedded database is migrated by `chatloom run`.)")
    asyncio.run(migrate_database(url))
    click.echo("The database is up to date.")


@click.command()
def doctor() -> None:
    """Look for what is wrong here and say how to mend it."""
    import asyncio

    from server.kit.doctor import examine

    findings = asyncio.run(examine(read_settings()))
    for finding in findings:
        click.echo(f"{'ok  ' if finding.good else 'BAD '} {finding.about}: {finding.says}")
    sys.exit(0 if all(finding.good for finding in findings) else 1)


commands: list[click.Command] = [run, migrate, doctor]
