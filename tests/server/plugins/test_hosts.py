"""A plugin's code runs in a process of its own: what it does wrong costs the step that asked, and what it must not see it does not see."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import node_library
from flow_runtime import NodeFailure, Say
from flow_runtime.errors import ExpressionError, LimitExceeded
from flow_runtime.expressions import Texts
from flow_runtime.nodes import Step, Turn
from flow_runtime.upgrades import upgrade_fault, upgraded_nodes
from node_library import load_library
from node_library.cases import NOON, complaints_about
from node_library.scaffold import new_node
from server.plugins import hosts as hosts_module
from server.plugins import nodes as nodes_module
from server.plugins.hosts import FAILURES_BEFORE_REST, Hosts, PluginFailed, turn_of_at_most
from server.plugins.nodes import PluginNode, plugin_node
from tests.server.plugins.making import write_plugin

Make = Callable[..., PluginNode]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes the node `trial` of a plugin whose `enter` does what is given."""
    made: list[Hosts] = []

    def make(body: str = "", name: str = "trial") -> PluginNode:
        folder = write_plugin(tmp_path / name, name, body)
        hosts = Hosts(f"{name} 1.0.0", folder)
        made.append(hosts)
        return plugin_node(name, folder / name, hosts)

    yield make
    for hosts in made:
        hosts.close()


def turn(**given: Any) -> Turn:
    values = {"scope": {"name": "Ada"}, "texts": Texts(["hi {{ name }}", "{{ 1 / 0 }}"]), "now": NOON, "seed": "7", **given}
    return Turn(**values)


def enter(node: PluginNode, text: str = "hi {{ name }}", **given: Any) -> Step:
    return node.enter({"text": text}, turn(**given))


def failure(node: PluginNode, **given: Any) -> NodeFailure:
    with pytest.raises(NodeFailure) as failed:
        enter(node, **given)
    return failed.value


def test_a_node_does_there_what_it_does_here(make: Make) -> None:
    node = make()
    assert enter(node) == Step(effects=(Say("HI ADA"),), go="next")
    assert [list(complaints_about(node, case)) for case in node.cases] == [[], []]


def test_chance_comes_with_the_input(make: Make) -> None:
    node = make("text = str(turn.random.random()) + turn.now.isoformat()")
    assert enter(node) == enter(node)
    assert enter(node) != enter(node, seed="8")
    assert "2026-01-01T12" in enter(node).effects[0].text  # type: ignore[union-attr]


def test_the_message_it_took_is_taken(make: Make) -> None:
    took = turn(open_message="yes please")
    assert make("text = turn.take_message()").enter({"text": "hi {{ name }}"}, took).effects == (Say("YES PLEASE"),)
    assert took.taken


def test_what_it_means_to_fail_with_is_kept(make: Make) -> None:
    failed = failure(make("raise NodeFailure('no_such_iban', 'There is no such account.')"))
    assert (failed.kind, failed.message) == ("no_such_iban", "There is no such account.")


def test_a_wrong_expression_is_the_authors_fault_not_the_plugins(make: Make) -> None:
    with pytest.raises(ExpressionError):
        enter(make(), "{{ 1 / 0 }}")


def test_only_texts_of_the_flow_are_worked_out(make: Make) -> None:
    assert "Only texts of the flow itself" in failure(make("turn.render('{{ contact }}')")).message


def test_a_limit_of_the_runtime_stays_one(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_much(self: Turn, text: str, also: object = None) -> str:
        raise LimitExceeded("too much")

    monkeypatch.setattr(Turn, "render", too_much)
    assert isinstance(failure(make()), LimitExceeded)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("raise ValueError('a plugin error')", "ValueError: a plugin error"),
        ("import sys; sys.exit(3)", "its process ended"),
        ("import os; os._exit(3)", "its process ended"),
        ("import os, signal; os.abort()", "its process ended"),
        ("text = 'x' * (1 << 30)", "512 MB of memory"),
        ("return 7", "a node returns a Step, not int"),
        ("return Step(go=7)", "returned something that is no step"),
        ("return Step(effects=(Call('plugin.other.rate', {}),), wait_for='call')", "belongs to another plugin"),
        ("return Step(go='next', set={'a': object()})", "not plain JSON"),
        ("return Step(effects=(Say('x' * (5 << 20)),), go='next')", "cannot be read"),
    ],
)
def test_what_goes_wrong_in_it_is_a_failure_of_the_step_and_the_next_turn_works(make: Make, body: str, why: str) -> None:
    node = make(f"if text == 'hi':\n    {body}")
    with pytest.raises(PluginFailed) as failed:
        enter(node, "hi")
    assert failed.value.kind == "plugin"
    assert why in failed.value.message
    assert enter(node).effects == (Say("HI ADA"),)


@pytest.mark.parametrize("body", ["while True: pass", "import time; time.sleep(60)"])
def test_one_that_hangs_is_killed_and_the_next_turn_has_a_new_process(make: Make, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes_module, "NODE_S", 0.5)
    node = make(f"if text == 'hi':\n    {body}")
    enter(node)
    began = time.monotonic()
    with pytest.raises(PluginFailed, match=r"did not answer within 0\.5 seconds"):
        enter(node, "hi")
    assert time.monotonic() - began < 2
    assert enter(node).effects == (Say("HI ADA"),)


def test_memory_that_it_keeps_from_turn_to_turn_has_the_same_limit(make: Make) -> None:
    node = make("import sys\nkept = sys.__dict__.setdefault('kept', [])\nkept.append(bytes(100 << 20))")
    failed = []
    for _ in range(10):
        try:
            enter(node)
        except PluginFailed as error:
            failed.append(error.message)
    assert failed
    assert all("512 MB" in message for message in failed)


def test_a_plugin_that_hangs_does_not_hold_up_another_one(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, quick = make("import time; time.sleep(60)", "slow"), make("", "quick")
    enter(quick)
    waiting = threading.Thread(target=failure, args=(slow,))
    waiting.start()
    began = time.monotonic()
    for _ in range(20):
        enter(quick)
    assert time.monotonic() - began < 1
    waiting.join()


def test_all_its_steps_in_one_turn_share_the_time(make: Make) -> None:
    node = make("import time; time.sleep(60)")
    began = time.monotonic()
    with turn_of_at_most(1.0):
        for _ in range(3):
            failure(node)
    assert time.monotonic() - began < 1.5


def test_one_that_is_lost_again_and_again_rests(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts_module, "REST_S", 0.2)
    node = make("if text == 'hi':\n    import os; os._exit(1)")
    for _ in range(FAILURES_BEFORE_REST):
        with pytest.raises(PluginFailed, match="process ended"):
            enter(node, "hi")
    assert "rests for a moment" in failure(node).message
    time.sleep(0.3)
    assert enter(node).effects == (Say("HI ADA"),)


def test_the_environment_of_the_server_is_not_there(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATLOOM_DATABASE_URL", "postgresql://secret")
    text = enter(make("import os; text = ' '.join(os.environ)")).effects[0].text  # type: ignore[union-attr]
    assert "CHATLOOM" not in text
    assert "PATH" in text


@pytest.mark.parametrize(
    "body",
    [
        "import socket; socket.create_connection(('127.0.0.1', 6379))",
        "import subprocess; subprocess.run(['/bin/true'])",
        "import os; os.system('true')",
        "import os; os.fork()",
        "import ctypes; ctypes.CDLL(None)",
    ],
)
def test_network_and_other_programs_are_out_of_reach(make: Make, body: str) -> None:
    assert "PermissionError: a plugin may not use" in failure(make(body)).message


def test_the_disk_is_out_of_reach(make: Make, tmp_path: Path) -> None:
    """By Landlock or bubblewrap; a kernel with neither leaves it to the file system's permissions, and this test says so."""
    secret = tmp_path / "secret.key"
    secret.write_text("the master key")
    failed = failure(make(f"text = open({str(secret)!r}).read()"))
    assert "PermissionError" in failed.message or "FileNotFoundError" in failed.message
    assert "Error" in failure(make(f"open({str(tmp_path / 'new')!r}, 'w')", "writer")).message
    assert not (tmp_path / "new").exists()


def test_nothing_of_it_is_imported_here(tmp_path: Path) -> None:
    folder = new_node("quiet", tmp_path)
    (folder / "node.py").write_text("raise RuntimeError('imported')")
    hosts = Hosts("quiet", tmp_path)
    node = plugin_node("quiet", folder, hosts)
    assert node.title == "Quiet"
    with pytest.raises(PluginFailed, match="RuntimeError: imported"):
        enter(node)
    hosts.close()


OURS = load_library()


@pytest.fixture(scope="module")
def our_hosts() -> Iterator[Hosts]:
    """Processes that run our own steps as if they were a plugin's."""
    hosts = Hosts("ours", Path(node_library.__file__).parent)
    yield hosts
    hosts.close()


@pytest.mark.parametrize("type", sorted(OURS))
def test_our_own_steps_do_the_same_in_a_process_of_a_plugin(type: str, our_hosts: Hosts) -> None:
    """Everything that a step can see and return goes through the pipe unchanged."""
    node = plugin_node("ours", OURS[type].folder, our_hosts)
    assert [complaint for case in node.cases for complaint in complaints_about(node, case)] == []


THE_INTERPRETERS = {"begin_run", "use_seed", "move"}


@pytest.mark.parametrize("name", sorted(THE_INTERPRETERS))
def test_a_plugin_cannot_change_what_the_turn_is(make: Make, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Turn, name, lambda *args: pytest.fail("a plugin reached the interpreter's own"))
    assert f"A step cannot ask for {name}." in failure(make(f"turn._pipe.ask({name!r}, 'x', 'y', 'z')")).message


def test_what_a_plugin_may_ask_for_was_decided_for_every_method_of_a_turn() -> None:
    """A new method fails here until somebody says whose it is: it changes nothing (ASKED), or it is the interpreter's."""
    methods = {name for name in dir(Turn) if not name.startswith("_") and callable(getattr(Turn, name))}
    assert methods == nodes_module.ASKED | {"take_message"} | THE_INTERPRETERS


UPGRADES = """

def _second(settings):
    return {"text": settings["words"]}


UPGRADES = {1: _second}
"""


def test_settings_of_an_older_version_are_upgraded_there(tmp_path: Path) -> None:
    node_folder = write_plugin(tmp_path / "trial", "trial") / "trial"
    about = json.loads((node_folder / "node.json").read_text())
    (node_folder / "node.json").write_text(json.dumps({**about, "version": 2}))
    with (node_folder / "node.py").open("a") as code:
        code.write(UPGRADES)
    hosts = Hosts("trial 1.0.0", node_folder.parent)
    try:
        library = {"trial": plugin_node("trial", node_folder, hosts)}
        old = {"type": "trial", "type_version": 1, "settings": {"words": "hello"}}
        wrong = {"type": "trial", "type_version": 1, "settings": {}}
        newer = upgraded_nodes({"nodes": {"old": old, "wrong": wrong}}, library)["nodes"]
        assert newer["old"] == {"type": "trial", "type_version": 2, "settings": {"text": "hello"}}
        assert newer["wrong"] == wrong
        fault = upgrade_fault(library["trial"], wrong)
        assert fault is not None
        assert "KeyError: 'words'" in fault
    finally:
        hosts.close()
