"""The supervisor starts again what dies, stops everything together, and leaves nothing behind however it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

from server.kit.embedded.folders import FolderLock
from server.kit.run import CannotRun, FirstPage, Gate, Preparation, open_listener, reaching_itself, run
from server.kit.settings import environment_for_children, read_settings
from server.kit.supervise import PAUSES, Supervisor, own_process

ROOT = Path(__file__).parents[3]
Spawning = Callable[[str], Callable[[], "subprocess.Popen[bytes]"]]
LASTING = "import time; time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
FORKING = "import os, time; os.fork(); time.sleep(600)"
SUPERVISING = """
import sys
from pathlib import Path
from server.kit.supervise import Stopped, Supervisor, own_process
folder = Path(sys.argv[1])
def spawn():
    return own_process([sys.executable, "-c", "import time; time.sleep(600)"], log=folder / "child.log", env={}, folder=folder)
supervisor = Supervisor(lambda text: print(text, flush=True))
try:
    with supervisor.signals():
        for name in ("one", "two"):
            print(supervisor.add(name, spawn).process.pid, flush=True)
        while True:
            supervisor.wait()
except Stopped:
    supervisor.stop()
    print("stopped", flush=True)
"""


@pytest.fixture
def said() -> list[str]:
    """What the supervisor told the person."""
    return []


@pytest.fixture
def supervisor(said: list[str]) -> Iterator[Supervisor]:
    """A supervisor whose children are gone after the test."""
    supervisor = Supervisor(said.append)
    yield supervisor
    supervisor.stop(patience=0)


@pytest.fixture
def spawn(tmp_path: Path) -> Spawning:
    """Makes the spawn function of a child that runs some Python."""

    def of(code: str) -> Callable[[], "subprocess.Popen[bytes]"]:
        return lambda: own_process([sys.executable, "-I", "-c", code], log=tmp_path / "child.log", env={}, folder=tmp_path)

    return of


def wait_for(true: Callable[[], object], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_what_dies_is_started_again(supervisor: Supervisor, said: list[str], spawn: Spawning) -> None:
    child = supervisor.add("web", spawn(LASTING))
    assert child.process is not None
    first = child.process.pid
    child.process.kill()
    child.process.wait()

    supervisor.look()
    assert said == ["web ended: signal SIGKILL; starting it again in 0.1 s"]
    time.sleep(PAUSES[0])
    supervisor.look()
    assert child.process is not None
    assert child.process.pid != first


def test_what_keeps_dying_is_started_less_and_less_often(supervisor: Supervisor, said: list[str], spawn: Spawning) -> None:
    supervisor.add("web", spawn("raise SystemExit(3)"))
    wait_for(lambda: supervisor.wait(until=0.05) or len(said) == 3)
    assert said == [f"web ended: exit code 3; starting it again in {pause:g} s" for pause in PAUSES[:3]]


def test_a_child_that_cannot_be_started_is_tried_again(supervisor: Supervisor, said: list[str], tmp_path: Path) -> None:
    starts: list[str] = []

    def spawn() -> "subprocess.Popen[bytes]":
        starts.append("start")
        if len(starts) == 2:
            raise OSError("no memory")
        code = "pass" if len(starts) == 1 else LASTING
        return own_process([sys.executable, "-I", "-c", code], log=tmp_path / "child.log", env={}, folder=tmp_path)

    child = supervisor.add("web", spawn)
    wait_for(lambda: supervisor.wait(until=0.05) or (len(starts) == 3 and child.process is not None))
    assert said[1:] == ["web cannot be started: no memory; trying again in 0.5 s"]


def test_stopping_ends_the_polite_the_stubborn_and_what_they_forked(supervisor: Supervisor, tmp_path: Path, spawn: Spawning) -> None:
    children = [supervisor.add(code, spawn(code)) for code in (LASTING, STUBBORN, FORKING)]
    wait_for(lambda: (tmp_path / "child.log").read_text() == "deaf\n")
    processes = [psutil.Process(child.process.pid) for child in children if child.process]
    wait_for(lambda: processes[2].children())
    processes += processes[2].children()

    supervisor.stop(patience=0.3)
    wait_for(lambda: not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes))


@contextmanager
def supervising(folder: Path) -> Iterator[tuple["subprocess.Popen[str]", list[int]]]:
    """A supervisor in a process of its own, with the ids of its two children."""
    command = [sys.executable, "-c", SUPERVISING, str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    with process:
        try:
            yield process, [int(process.stdout.readline()) for _ in range(2)]
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_end_ends_everything(tmp_path: Path, number: signal.Signals) -> None:
    with supervising(tmp_path) as (process, children):
        process.send_signal(number)
        output, _ = process.communicate(timeout=10)
        assert output == "stopped\n"
        assert not any(is_running(pid) for pid in children)


def test_a_killed_supervisor_leaves_no_orphan(tmp_path: Path) -> None:
    with supervising(tmp_path) as (process, children):
        process.kill()
        wait_for(lambda: not any(is_running(pid) for pid in children))


def test_a_death_is_noticed_at_once(tmp_path: Path) -> None:
    with supervising(tmp_path) as (process, children):
        assert process.stdout is not None
        os.kill(children[0], signal.SIGKILL)
        began = time.monotonic()
        assert process.stdout.readline() == "one ended: signal SIGKILL; starting it again in 0.1 s\n"
        assert time.monotonic() - began < 1


def test_the_gate_holds_processes_back_until_it_opens(tmp_path: Path) -> None:
    gate = Gate()
    (waiting,) = gate.descriptors
    code = f"import os; print('came', flush=True); os.read({waiting}, 1); print('went', flush=True)"
    process = own_process([sys.executable, "-I", "-c", code], log=tmp_path / "log", env={}, folder=tmp_path, keep=gate.descriptors)
    wait_for(lambda: (tmp_path / "log").read_text() == "came\n")
    gate.open()
    assert process.wait(5) == 0
    assert (tmp_path / "log").read_text() == "came\nwent\n"
    assert gate.descriptors == []


def test_the_first_free_port_is_taken() -> None:
    with closing(open_listener("127.0.0.1", 0)) as first, closing(open_listener("127.0.0.1", 0)) as second:
        assert first.getsockname()[1] != second.getsockname()[1]
        with pytest.raises(CannotRun, match="CHATLOOM_PORT"):
            open_listener("127.0.0.1", first.getsockname()[1])


def test_the_port_of_the_time_before_comes_first() -> None:
    with closing(open_listener("127.0.0.1", 0)) as listener:
        last = listener.getsockname()[1]
        with closing(open_listener("127.0.0.1", 0, last)) as another:
            assert another.getsockname()[1] != last
    with closing(open_listener("127.0.0.1", 0, last)) as again:
        assert again.getsockname()[1] == last


def test_flows_may_call_the_server_they_run_on() -> None:
    settings = read_settings({"CHATLOOM_OUTBOUND_ALLOW": "10.0.0.5:80"})
    children = read_settings(environment_for_children(reaching_itself(settings, 8811)))
    assert (children.port, children.outbound_allow) == (8811, {"10.0.0.5:80", "localhost:8811"})


def test_the_first_page_is_usable_when_it_is_answered_without_a_server_error() -> None:
    with closing(open_listener("127.0.0.1", 0)) as listener, closing(FirstPage(listener)) as page:
        for answer, usable in ((b"", False), (b"HTTP/1.1 503 Busy\r\n\r\n", False), (b"HTTP/1.1 200 OK\r\n\r\n", True)):
            visitor, _ = listener.accept()
            with visitor:
                assert visitor.recv(100).startswith(b"GET /sign-in ")
                visitor.sendall(answer)
            assert page.is_usable() is usable


def prepared(tmp_path: Path, code: str) -> Preparation:
    reading, writing = os.pipe()
    command = [sys.executable, "-I", "-c", f"import os\n{code.replace('REPORT', f'os.write({writing}, ')}"]
    process = own_process(command, log=tmp_path / "log", env={}, folder=tmp_path, keep=[writing])
    os.close(writing)
    return Preparation(process, reading, tmp_path / "log")


def test_preparation_reports_as_it_goes(tmp_path: Path) -> None:
    with closing(prepared(tmp_path, """REPORT b'{"migrated": true}\\n{"link": "http:'); REPORT b'//here"}\\n')""")) as preparation:
        while not preparation.finished:
            preparation.read()
        assert preparation.migrated
        assert preparation.link == "http://here"


def test_a_failed_preparation_shows_why(tmp_path: Path) -> None:
    with closing(prepared(tmp_path, "raise SystemExit('no such table')")) as preparation, pytest.raises(CannotRun, match="no such table"):
        preparation.read()


def test_a_second_run_in_the_folder_is_told_where_the_first_one_is(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path / "run.lock")
    lock.take()
    lock.note("http://localhost:8811")
    with pytest.raises(CannotRun, match=r"already running in .*: http://localhost:8811"):
        run(read_settings({"CHATLOOM_DATA_DIR": str(tmp_path)}), print)
    lock.release()


def test_the_port_is_held_while_the_web_process_is_away() -> None:
    with closing(open_listener("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()[:2], timeout=1) as visitor:
        visitor.sendall(b"GET / HTTP/1.1\r\n\r\n")
