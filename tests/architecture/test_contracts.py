"""The walls stand: each import contract is kept by the code, and broken by a fault planted in a copy of it."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("server", "node_library", "flow_runtime")
FAULTS = {
    "flow_runtime/interpreter.py": {
        "import node_library": "server -> node_library -> flow_runtime",
        "import asyncio": "the runtime and the nodes do no I/O",
    },
    "node_library/contract.py": {
        "import server.kit.clock": "server -> node_library -> flow_runtime",
        "import socket": "the runtime and the nodes do no I/O",
    },
    "node_library/ask_question/node.py": {
        "import httpx": "the runtime and the nodes do no I/O",
        "import node_library.branch.node": "nodes know nothing of each other",
    },
    "server/kit/clock.py": {
        "import server.tenants.tables": "rooms of the server",
        "import litellm": "LiteLLM only in the llm room",
    },
    "server/conversations/tables.py": {
        "import server.flows.tables": "rooms of the server",
        "import server.turns.tables": "rooms of the server",
        "import rq": "RQ only in the worker",
        "import httpx": "one outbound client",
    },
    "server/conversations/processing/stages/mood/process.py": {
        "import server.conversations.processing.stages.language.process": "stages of processing know nothing of each other"
    },
    "server/flows/tables.py": {"import requests": "one outbound client"},
    "server/kit/settings.py": {"import server.kit.run": "no cycles anywhere"},
    "server/a_new_room/__init__.py": {"": "rooms of the server"},
}
BANNED = (
    "import os\nos.environ['X']",
    "from os import environ",
    "import os\nos.getenv('X')",
    "import urllib.request",
    "import http.client",
)


def copy_code(folder: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint_imports(folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_code_keeps_every_contract(tmp_path: Path) -> None:
    done = lint_imports(copy_code(tmp_path))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "fault", "contract"), [(file, fault, contract) for file, faults in FAULTS.items() for fault, contract in faults.items()]
)
def test_a_planted_fault_breaks_its_contract(tmp_path: Path, file: str, fault: str, contract: str) -> None:
    planted = copy_code(tmp_path) / file
    planted.parent.mkdir(exist_ok=True)
    with planted.open("a") as code:
        code.write(f"\n{fault}\n")
    done = lint_imports(tmp_path)
    assert done.returncode != 0
    assert f"{contract} BROKEN" in done.stdout, done.stdout + done.stderr


def test_every_contract_is_seen_to_fail() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert {contract["name"] for contract in contracts} == {contract for faults in FAULTS.values() for contract in faults.values()}


@pytest.mark.parametrize("fault", BANNED)
def test_the_environment_and_other_http_clients_are_refused(tmp_path: Path, fault: str) -> None:
    file = tmp_path / "fault.py"
    file.write_text(f"{fault}\n")
    command = [
        Path(sys.executable).with_name("ruff"),
        "check",
        "--config",
        ROOT / "pyproject.toml",
        "--no-cache",
        "--select",
        "TID251",
        file,
    ]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1
