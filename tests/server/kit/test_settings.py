"""Settings are read once, refused when they cannot be meant, described, and handed to child processes unchanged."""

from pathlib import Path

import pytest

from server.kit.settings import (
    BadSetting,
    Settings,
    described_settings,
    environment_for_children,
    read_settings,
    set_environment_default,
    variable_of,
)

ROOT = Path(__file__).parents[3]


def test_nothing_has_to_be_set() -> None:
    settings = read_settings({})
    assert settings == Settings(data_dir=Path.cwd() / "data", secret_key_file=Path.cwd() / "data" / "secret.key")
    assert settings.database_url is None
    assert settings.redis_url is None


def test_empty_means_not_set() -> None:
    assert read_settings({about.variable: " " for about in described_settings().values()}) == read_settings({})


def test_the_public_address_follows_the_port_unless_it_is_given() -> None:
    assert read_settings({"CHATLOOM_PORT": "8805"}).public_url == "http://localhost:8805"
    assert read_settings({"CHATLOOM_BASE_URL": "https://chat.example.com/"}).public_url == "https://chat.example.com"


def test_outbound_addresses_are_a_list_of_host_and_port() -> None:
    settings = read_settings({"CHATLOOM_OUTBOUND_ALLOW": "Crm.internal:8080, 10.0.0.5:443"})
    assert settings.outbound_allow == {"crm.internal:8080", "10.0.0.5:443"}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CHATLOOM_PORT", "eighty"),
        ("CHATLOOM_PORT", "-1"),
        ("CHATLOOM_PORT", "65536"),
        ("CHATLOOM_PORT", "٨٨٠٠"),
        ("CHATLOOM_CLAMD", "3310"),
        ("CHATLOOM_WORKERS", "65"),
        ("CHATLOOM_DATABASE_URL", "mysql://localhost/x"),
        ("CHATLOOM_MIGRATION_DATABASE_URL", "localhost"),
        ("CHATLOOM_REDIS_URL", "http://localhost"),
        ("CHATLOOM_BASE_URL", "chat.example.com"),
        ("CHATLOOM_OUTBOUND_ALLOW", "crm.internal"),
        ("CHATLOOM_OUTBOUND_ALLOW", "crm.internal:0"),
        ("CHATLOOM_LOG_LEVEL", "loud"),
        ("CHATLOOM_CODE", "maybe"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(variable: str, value: str) -> None:
    with pytest.raises(BadSetting, match=variable):
        read_settings({variable: value})


def test_a_child_process_reads_the_same_settings() -> None:
    given = {
        "CHATLOOM_DATABASE_URL": "postgresql://me:secret@db/chatloom",
        "CHATLOOM_OUTBOUND_ALLOW": "a:1,b:2",
        "CHATLOOM_PLUGINS_DIR": "plugins",
        "CHATLOOM_PORT": "8801",
        "CHATLOOM_CODE": "on",
    }
    settings = read_settings(given)
    assert read_settings(environment_for_children(settings)) == settings


def test_passwords_do_not_show_in_logs() -> None:
    given = {variable_of(name): f"{scheme}://me:secret@host/0" for name, scheme in (("database_url", "postgresql"), ("redis_url", "redis"))}
    assert "secret@" not in repr(read_settings(given))


def test_a_library_default_gives_way_to_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATLOOM_TEST_CHOSEN", "mine")
    monkeypatch.delenv("CHATLOOM_TEST_OPEN", raising=False)
    set_environment_default("CHATLOOM_TEST_CHOSEN", "theirs")
    set_environment_default("CHATLOOM_TEST_OPEN", "theirs")
    environment = environment_for_children(read_settings({}))
    assert (environment["CHATLOOM_TEST_CHOSEN"], environment["CHATLOOM_TEST_OPEN"]) == ("mine", "theirs")
    monkeypatch.delenv("CHATLOOM_TEST_OPEN")


def test_every_setting_is_described_in_the_guide() -> None:
    guide = (ROOT / "docs" / "settings.md").read_text()
    assert [about.variable for about in described_settings().values() if f"| `{about.variable}` | {about.meaning} |" not in guide] == []
