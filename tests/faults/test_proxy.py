"""The bad network is as bad as it says."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.faults.proxy import Fault, FaultProxy


@asynccontextmanager
async def echoing(path: Path) -> AsyncIterator[list[bytes]]:
    """A server that says what it hears; yields what it has heard."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversations.add(asyncio.current_task())
        try:
            while data := await reader.read(1000):
                heard.append(data)
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    conversations: set[asyncio.Task[None] | None] = set()
    async with await asyncio.start_unix_server(serve, str(path)):
        yield heard
        for one in conversations:
            if one is not None:
                one.cancel()
        await asyncio.sleep(0.05)


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[FaultProxy]:
    with FaultProxy(str(tmp_path / "echo")) as between:
        yield between


async def ask(proxy: FaultProxy, words: bytes = b"hello", patience_s: float = 0.4) -> bytes:
    """What comes back; raises TimeoutError when nothing does, ConnectionError on a reset."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        writer.write(words)
        return await asyncio.wait_for(reader.read(1000), patience_s)
    finally:
        writer.transport.abort()


async def test_a_good_network_passes_everything(proxy: FaultProxy, tmp_path: Path) -> None:
    async with echoing(tmp_path / "echo"):
        assert await ask(proxy) == b"hello"
        proxy.become(Fault.SLOW)
        assert await ask(proxy, patience_s=5) == b"hello"


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.DEAF, Fault.MUTE])
async def test_nothing_comes_back(proxy: FaultProxy, tmp_path: Path, fault: Fault) -> None:
    proxy.become(fault)
    async with echoing(tmp_path / "echo") as heard:
        with pytest.raises(TimeoutError):
            await ask(proxy)
        assert heard == ([b"hello"] if fault is Fault.DEAF else [])


@pytest.mark.parametrize("fault", [Fault.REFUSE, Fault.CUT])
async def test_the_connection_is_reset(proxy: FaultProxy, tmp_path: Path, fault: Fault) -> None:
    proxy.become(fault)
    async with echoing(tmp_path / "echo"):
        with pytest.raises(ConnectionError):
            await ask(proxy, patience_s=5)


async def test_open_connections_are_refused_too(proxy: FaultProxy, tmp_path: Path) -> None:
    async with echoing(tmp_path / "echo"):
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"first")
        assert await reader.read(100) == b"first"
        proxy.become(Fault.REFUSE)
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(reader.read(100), 5)
        writer.transport.abort()


async def test_noise_comes_back(proxy: FaultProxy, tmp_path: Path) -> None:
    proxy.become(Fault.GARBAGE)
    async with echoing(tmp_path / "echo"):
        answer = await ask(proxy, b"hello " * 10)
        assert len(answer) == 60
        assert answer != b"hello " * 10


async def test_what_hung_arrives_when_the_network_is_mended(proxy: FaultProxy, tmp_path: Path) -> None:
    proxy.become(Fault.HANG)
    async with echoing(tmp_path / "echo"):
        asking = asyncio.create_task(ask(proxy, patience_s=5))
        await asyncio.sleep(0.1)
        assert not asking.done()
        proxy.become(Fault.NONE)
        assert await asking == b"hello"


async def test_a_server_that_is_away_resets(proxy: FaultProxy) -> None:
    with pytest.raises(ConnectionError):
        await ask(proxy, patience_s=5)
