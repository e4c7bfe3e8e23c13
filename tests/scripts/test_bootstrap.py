"""An environment counts as ready only when an installation into it has ended well."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "scripts" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """An environment whose Python is there."""
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return tmp_path / ".venv"


def test_what_ended_well_is_ready_until_something_else_is_wanted(bootstrap: ModuleType, venv: Path) -> None:
    assert not bootstrap.is_installed(venv, ["one"])
    with bootstrap.installing(venv, ["one", "two"]):
        assert not bootstrap.is_installed(venv, ["one"])
    assert bootstrap.is_installed(venv, ["one"])
    assert bootstrap.is_installed(venv, ["one", "two"])
    assert not bootstrap.is_installed(venv, ["three"])
    bootstrap.throw_away_broken(venv)
    assert bootstrap.is_installed(venv, ["one"])


def test_what_was_killed_is_not_ready_and_is_thrown_away(bootstrap: ModuleType, venv: Path) -> None:
    with bootstrap.installing(venv, ["one"]):
        pass
    with pytest.raises(KeyboardInterrupt), bootstrap.installing(venv, ["two"]):
        raise KeyboardInterrupt
    assert not bootstrap.is_installed(venv, ["one"])
    bootstrap.throw_away_broken(venv)
    assert not venv.exists()


def test_what_failed_is_not_ready_but_whole(bootstrap: ModuleType, venv: Path) -> None:
    with bootstrap.installing(venv, ["one"]):
        pass
    with pytest.raises(SystemExit), bootstrap.installing(venv, ["two"]):
        bootstrap.fail("The network is away.", "Try again.")
    assert not bootstrap.is_installed(venv, ["one"])
    bootstrap.throw_away_broken(venv)
    assert venv.exists()
