"""The settings: read once from the environment, here and nowhere else."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, get_type_hints
from uuid import UUID

FIRST_PORT = 8800
LOG_LEVELS = ("debug", "info", "warning", "error")


class BadSetting(ValueError):
    """A setting that cannot be used; the message says which and what it should look like."""


@dataclass(frozen=True, slots=True)
class About:
    """The environment variable of a setting, and what it means."""

    variable: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator can choose. Nothing has to be chosen: the defaults run on a bare machine."""

    data_dir: Annotated[
        Path,
        About(
            "CHATLOOM_DATA_DIR",
            "Folder of everything that must survive a restart: the embedded database, the secret key, files.",
        ),
    ] = Path("data")
    database_url: Annotated[
        str | None,
        About(
            "CHATLOOM_DATABASE_URL",
            "Address of an outside PostgreSQL (17 or newer), `postgresql://user:password@host:5432/name`. Empty: an embedded one.",
        ),
    ] = field(default=None, repr=False)
    migration_database_url: Annotated[
        str | None,
        About(
            "CHATLOOM_MIGRATION_DATABASE_URL",
            "The same database for the role that owns the tables; used by `chatloom migrate` only. Empty: the address above.",
        ),
    ] = field(default=None, repr=False)
    redis_url: Annotated[
        str | None,
        About(
            "CHATLOOM_REDIS_URL",
            "Address of an outside Redis, `redis://host:6379/0`. Empty: an embedded one.",
        ),
    ] = field(default=None, repr=False)
    host: Annotated[
        str,
        About(
            "CHATLOOM_HOST",
            "Network address the web process listens on; `0.0.0.0` lets other machines in.",
        ),
    ] = "127.0.0.1"
    port: Annotated[
        int,
        About(
            "CHATLOOM_PORT",
            f"Port the web process listens on. 0: the first free port from {FIRST_PORT} up.",
        ),
    ] = 0
    base_url: Annotated[
        str,
        About(
            "CHATLOOM_BASE_URL",
            "Address people reach the server by, for links and the widget, `https://chat.example.com`. Empty: `http://localhost:<port>`.",
        ),
    ] = ""
    outbound_allow: Annotated[
        frozenset[str],
        About(
            "CHATLOOM_OUTBOUND_ALLOW",
            "Private addresses that flows may call all the same, `host:port` separated by commas. Everything private is refused otherwise.",
        ),
    ] = frozenset()
    secret_key_file: Annotated[
        Path,
        About(
            "CHATLOOM_SECRET_KEY_FILE",
            "File with the key that protects sessions and stored credentials; made on the first start. Keep a copy.",
        ),
    ] = Path("secret.key")
    visitor_rate: Annotated[
        int,
        About(
            "CHATLOOM_VISITOR_RATE",
            "How many messages per second a visitor may send in one conversation, three times as many at once; "
            "more are asked to come later. 0: as many as they like.",
        ),
    ] = 10
    event_streams: Annotated[
        bool,
        About(
            "CHATLOOM_EVENT_STREAMS",
            "`on` tells events on as Redis Streams, `events:<topic>`, for programs beside this server. `off`: nobody needs them.",
        ),
    ] = True
    kafka: Annotated[
        str | None,
        About(
            "CHATLOOM_KAFKA",
            "Brokers of the Kafka that gets every event, `host:9092` separated by commas; needs `chatloom[kafka]`. Empty: none.",
        ),
    ] = None
    kafka_topics: Annotated[
        str,
        About(
            "CHATLOOM_KAFKA_TOPICS",
            "What the names of the Kafka topics begin with; the topic of the event follows.",
        ),
    ] = "chatloom."
    kafka_options: Annotated[
        Path | None,
        About(
            "CHATLOOM_KAFKA_OPTIONS",
            "File with more options of librdkafka, such as those of TLS and SASL, `name=value` in each line. Empty: none.",
        ),
    ] = None
    log_level: Annotated[
        str,
        About(
            "CHATLOOM_LOG_LEVEL",
            f"How much is written to the log: {', '.join(LOG_LEVELS)}.",
        ),
    ] = "info"
    plugins_dir: Annotated[
        Path | None,
        About(
            "CHATLOOM_PLUGINS_DIR",
            "Folder with nodes you are writing, one folder per node: read again whenever a file in it changes, and run in the server's own "
            "processes. For your own machine; what others shall use is packed and installed. Empty: none.",
        ),
    ] = None
    plugin_keys: Annotated[
        frozenset[str],
        About(
            "CHATLOOM_PLUGIN_KEYS",
            "Public keys of the publishers whose plugins may be installed, as `chatloom plugin key new` prints them, separated by commas.",
        ),
    ] = frozenset()
    plugins_unsigned: Annotated[
        bool,
        About(
            "CHATLOOM_PLUGINS_UNSIGNED",
            "`on` lets plugins be installed that nobody signed. For development only.",
        ),
    ] = False
    instance_workspace: Annotated[
        UUID | None,
        About(
            "CHATLOOM_INSTANCE_WORKSPACE",
            "Id of the workspace whose owners install plugins for all workspaces; the same in every process. "
            "Empty: the workspace that `chatloom run` makes on the first start.",
        ),
    ] = None
    code: Annotated[
        bool,
        About(
            "CHATLOOM_CODE",
            "`on` lets flows run their authors' JavaScript, in processes without network, files or much memory. `off` otherwise.",
        ),
    ] = False
    clamd: Annotated[
        str | None,
        About(
            "CHATLOOM_CLAMD",
            "Where ClamAV's clamd listens, `host:3310` or `unix:/run/clamav/clamd.ctl`: it reads every file of a customer before "
            "the file is kept. Empty: files are not scanned.",
        ),
    ] = None
    workers: Annotated[
        int,
        About(
            "CHATLOOM_WORKERS",
            "How many processes of their own `chatloom run` starts for jobs: integrations, files, training. "
            "0: the turn runner does them too, which saves the memory of a process.",
        ),
    ] = 0

    @property
    def public_url(self) -> str:
        """The address to print and to put into links, without a slash at the end."""
        return (self.base_url or f"http://localhost:{self.port}").rstrip("/")


def described_settings() -> dict[str, About]:
    """Every setting by name, with its variable and meaning."""
    return {name: hint.__metadata__[0] for name, hint in get_type_hints(Settings, include_extras=True).items()}


_ABOUT = described_settings()


def variable_of(name: str) -> str:
    """The environment variable of the setting `name`."""
    return _ABOUT[name].variable


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process; `environment` stands in for the real one in tests."""
    source = os.environ if environment is None else environment
    given = {name: text for name, about in _ABOUT.items() if (text := source.get(about.variable, "").strip())}
    data_dir = Path(given.get("data_dir", "data")).expanduser().absolute()
    return Settings(
        data_dir=data_dir,
        database_url=_address(given, "database_url", "postgresql://", "postgres://"),
        migration_database_url=_address(given, "migration_database_url", "postgresql://", "postgres://"),
        redis_url=_address(given, "redis_url", "redis://", "rediss://", "unix://"),
        host=given.get("host", "127.0.0.1"),
        port=_number(given, "port", 0, lowest=0, highest=65535),
        base_url=(_address(given, "base_url", "http://", "https://") or "").rstrip("/"),
        outbound_allow=frozenset(_hosts(given.get("outbound_allow", ""))),
        secret_key_file=Path(given.get("secret_key_file") or data_dir / "secret.key").expanduser().absolute(),
        visitor_rate=_number(given, "visitor_rate", 10, lowest=0, highest=10_000),
        event_streams=_switch(given, "event_streams", "on"),
        kafka=_brokers(given),
        kafka_topics=_topics(given.get("kafka_topics", "chatloom.")),
        kafka_options=Path(given["kafka_options"]).expanduser().absolute() if "kafka_options" in given else None,
        log_level=_log_level(given.get("log_level", "info")),
        plugins_dir=Path(given["plugins_dir"]).expanduser().absolute() if "plugins_dir" in given else None,
        code=_switch(given, "code"),
        plugin_keys=frozenset(_keys(given.get("plugin_keys", ""))),
        plugins_unsigned=_switch(given, "plugins_unsigned"),
        instance_workspace=_id(given, "instance_workspace"),
        clamd=_clamd(given.get("clamd")),
        workers=_number(given, "workers", 0, lowest=0, highest=64),
    )


def environment_for_children(settings: Settings) -> dict[str, str]:
    """The environment in which a child process reads the same settings."""
    ours = {about.variable: _as_text(getattr(settings, name)) for name, about in _ABOUT.items()}
    return {**os.environ, **ours, "PYTHONUNBUFFERED": "1"}


def set_environment_default(variable: str, value: str) -> None:
    """Set a variable that a library reads while it is imported, unless the operator set it."""
    os.environ.setdefault(variable, value)


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    return ",".join(sorted(value)) if isinstance(value, frozenset) else str(value)


def _address(given: Mapping[str, str], name: str, *schemes: str) -> str | None:
    address = given.get(name)
    if address is not None and not address.startswith(schemes):
        raise BadSetting(f"{variable_of(name)} must start with {' or '.join(schemes)}")
    return address


def _number(given: Mapping[str, str], name: str, default: int, *, lowest: int, highest: int) -> int:
    text = given.get(name, str(default))
    if not (text.isascii() and text.isdigit() and lowest <= int(text) <= highest):
        raise BadSetting(f"{variable_of(name)} must be a whole number from {lowest} to {highest}, not {text!r}")
    return int(text)


def _switch(given: Mapping[str, str], name: str, default: str = "off") -> bool:
    text = given.get(name, default).lower()
    if text not in ("on", "off"):
        raise BadSetting(f"{variable_of(name)} must be on or off, not {text!r}")
    return text == "on"


def _hosts(text: str, setting: str = "outbound_allow") -> list[str]:
    hosts = [part.strip().lower() for part in text.split(",") if part.strip()]
    for host in hosts:
        name, _, port = host.rpartition(":")
        if not (name and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise BadSetting(f"{variable_of(setting)} must be host:port entries separated by commas, not {host!r}")
    return hosts


def _clamd(address: str | None) -> str | None:
    if (
        address is not None
        and not address.startswith("unix:/")
        and not re.fullmatch(r"(?:[\w.-]+|\[[0-9a-fA-F:]+\]):[1-9][0-9]{0,4}", address)
    ):
        raise BadSetting(f"{variable_of('clamd')} must be host:port or unix:/path, not {address[:60]!r}")
    return address


def _brokers(given: Mapping[str, str]) -> str | None:
    return ",".join(_hosts(given.get("kafka", ""), "kafka")) or None


def _topics(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", text):
        raise BadSetting(f"{variable_of('kafka_topics')} must be letters, digits, dots, hyphens and underscores, not {text[:60]!r}")
    return text


def _keys(text: str) -> list[str]:
    keys = [part.strip() for part in text.split(",") if part.strip()]
    for key in keys:
        if not re.fullmatch(r"[^:,\s]+:[A-Za-z0-9_-]{43}", key):
            raise BadSetting(f"{variable_of('plugin_keys')} must be keys like acme:43-letters separated by commas, not {key[:60]!r}")
    return keys


def _id(given: Mapping[str, str], name: str) -> UUID | None:
    try:
        return UUID(given[name]) if name in given else None
    except ValueError:
        raise BadSetting(f"{variable_of(name)} must be an id like 01890a5d-ac96-774b-bcce-b302099a8057, not {given[name][:60]!r}") from None


def _log_level(text: str) -> str:
    if text.lower() not in LOG_LEVELS:
        raise BadSetting(f"{variable_of('log_level')} must be one of {', '.join(LOG_LEVELS)}, not {text!r}")
    return text.lower()
