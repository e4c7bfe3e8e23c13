"""What a plugin does wrong costs its own turn: the conversation goes on, and nobody else waits, in the same workspace or in another."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from sqlalchemy import text

from server.kit.settings import Settings, environment_for_children
from tests.conftest import Workspace
from tests.server.plugins.conftest import Customer, Install, publish
from tests.server.plugins.making import flow_with

# The tests at the installation see imports of a step's code; this is one they do not see, so that there is something to survive.
SLEEP = "__builtins__['__import__']('time').sleep"
HANGS = f"if 'hang' in text: {SLEEP}(60)"
ROOT = Path(__file__).parents[3]
OTHERS = 8
MESSAGES = 5


def plain_flow() -> dict[str, Any]:
    """A flow without plugins."""
    return {
        "schema_version": 1,
        "name": "Plain",
        "triggers": [{"id": "start", "type": "conversation_start", "node": "ask"}],
        "variables": {"said": {"type": "text"}},
        "nodes": {
            "ask": {"type": "ask_question", "settings": {"text": "Say something.", "save_as": "said"}},
            "do": {"type": "send_message", "settings": {"text": "You said {{ said }}"}},
        },
        "edges": {
            "e1": {"source": "ask", "port": "next", "target": "do"},
            "e2": {"source": "do", "port": "next", "target": "ask"},
        },
    }


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("raise ValueError('a plugin error')", "ValueError: a plugin error"),
        ("__builtins__['__import__']('os')._exit(1)", "its process ended."),
        ("text = 'x' * (1 << 30)", "It needed more than 512 MB of memory."),
        (f"{SLEEP}(60)", "it did not answer within 2 seconds."),
        ("while True: pass", "it did not answer within 2 seconds."),
    ],
    ids=["raises", "exits", "eats memory", "hangs", "loops"],
)
async def test_the_flow_takes_its_branch_and_the_next_message_is_answered(
    app: Litestar, instance: Workspace, install: Install, body: str, why: str
) -> None:
    await install("shout", f"if 'now' in text:\n    {body}")
    _, channel = await publish(instance, flow_with("shout", catches=True))
    customer = Customer(app, channel)
    await customer.opens()
    assert await customer.says("now") == [f"Sorry: plugin: The plugin shout 1.0.0 failed: {why}", "Say something."]
    assert await customer.says("again") == ["HI AGAIN", "Say something."]


async def test_a_failure_that_nobody_catches_ends_the_conversation_kindly(app: Litestar, instance: Workspace, install: Install) -> None:
    await install("shout", "if 'now' in text: raise ValueError('x')")
    _, channel = await publish(instance, flow_with("shout"))
    customer = Customer(app, channel)
    await customer.opens()
    assert await customer.says("now") == ["Sorry, something went wrong on our side. Please try again."]
    assert await customer.says("hello") == ["Say something."]


async def test_while_it_hangs_everybody_else_is_answered(
    app: Litestar, instance: Workspace, other_owner: Workspace, install: Install
) -> None:
    """In the same process: customers of plain flows, of another workspace, and of the other plugin are done before the one that hangs."""
    await install("slow", HANGS)
    await install("quick")
    _, slow_channel = await publish(instance, flow_with("slow", catches=True))
    channels = [
        (await publish(instance, {**plain_flow(), "name": "Plain one"}))[1],
        (await publish(other_owner, plain_flow()))[1],
        (await publish(instance, flow_with("quick")))[1],
    ]
    hanging = [Customer(app, slow_channel) for _ in range(2)]
    others = [Customer(app, channels[number % len(channels)]) for number in range(OTHERS)]
    await asyncio.gather(*(customer.opens() for customer in (*hanging, *others)))
    await others[2].says("warm up")
    done: dict[str, float] = {}

    async def hang(customer: Customer) -> list[str]:
        answer = await customer.says("hang")
        done["hung"] = time.monotonic()
        return answer

    async def talk(customer: Customer) -> None:
        for number in range(MESSAGES):
            said = await customer.says(f"message {number}")
            assert said[0] in (f"You said message {number}", f"HI MESSAGE {number}")
        done["others"] = max(done.get("others", 0.0), time.monotonic())

    waiting = [asyncio.create_task(hang(customer)) for customer in hanging]
    await asyncio.sleep(0.05)
    began = time.monotonic()
    await asyncio.gather(*(talk(customer) for customer in others))
    answers = await asyncio.gather(*waiting)
    assert [answer[0] for answer in answers] == ["Sorry: plugin: The plugin slow 1.0.0 failed: it did not answer within 2 seconds."] * 2
    assert done["others"] < done["hung"], f"the others took {done['others'] - began:.1f} s"
    assert (await hanging[0].says("fine"))[0] == "HI FINE"


async def test_messages_that_come_while_a_plugin_works_are_answered_in_order(app: Litestar, instance: Workspace, install: Install) -> None:
    await install("shout", f"{SLEEP}(0.3)")
    _, channel = await publish(instance, flow_with("shout"))
    customer = Customer(app, channel)
    await customer.opens()
    first = asyncio.create_task(customer.says("one"))
    await asyncio.sleep(0.1)
    assert await customer.says("two") == ["HI TWO", "Say something."]
    assert await first == ["HI ONE", "Say something."]


async def test_no_transaction_is_open_while_a_plugin_works(app: Litestar, instance: Workspace, install: Install) -> None:
    await install("shout", f"if 'slow' in text: {SLEEP}(1.5)")
    _, channel = await publish(instance, flow_with("shout"))
    customer = Customer(app, channel)
    await customer.opens()
    await customer.says("warm up")
    working = asyncio.create_task(customer.says("slow"))
    await asyncio.sleep(0.7)
    async with app.state.db.engine.connect() as conn:
        open_ones = await conn.scalar(
            text("select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'")
        )
    assert open_ones == 0
    assert not working.done()
    assert (await working)[0] == "HI SLOW"


async def test_a_conversation_with_a_plugin_is_replayed_by_another_process(
    app: Litestar, instance: Workspace, install: Install, settings: Settings
) -> None:
    await install("shout", "text = f'hi {turn.random.randint(1, 1000)} {turn.now}' if 'dice' in text else text")
    _, channel = await publish(instance, flow_with("shout"))
    customer = Customer(app, channel)
    await customer.opens()
    for words in ("dice", "dice", "hello"):
        await customer.says(words)
    async with app.state.db.tenant(instance.tenant_id) as conn:
        conversation = await conn.scalar(text("select id from conversations"))
    command = (sys.executable, "-m", "server.cli", "replay", str(conversation))
    replaying = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=environment_for_children(settings), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, complained = await replaying.communicate()
    assert replaying.returncode == 0, complained.decode()
    assert said.decode().startswith("4 turns from 4 inputs: effects, paths and states are the same.")
