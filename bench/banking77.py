"""The main job on real input: `make bench-banking77 DATA=folder` with banking77_train.csv and banking77_test.csv (columns text and label).

A person signs in to a fresh `chatloom run`, draws a flow in Chromium, imports the training file, publishes; customers send the first
1 000 messages of the test file; the dashboard must count what the file says.
"""

import argparse
import asyncio
import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import BrowserContext, Page, async_playwright, expect

from bench.place import ROOT, message_id
from tests.e2e.conftest import CHROMIUM_ARGS
from tests.e2e.drawing import Canvas, new_flow

MESSAGES = 1_000
CONCURRENCY = 8
WANTED_ACCURACY = 0.9
LINK = re.compile(r"Open (\S+)")
STARTS_WITHIN_S = 180
LEARNS_WITHIN_MS = 600_000
COUNTED_WITHIN_S = 30


@dataclass(frozen=True)
class Bot:
    """The published flow."""

    flow_id: str
    channel_id: str


@dataclass(frozen=True)
class Reply:
    """What the bot understood, and how long the customer waited."""

    intent: str
    ms: float


def main() -> None:
    """Do the job, print what came of it; fail when it is not good enough."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, required=True, help="folder with banking77_train.csv and banking77_test.csv")
    options.add_argument("--messages", type=int, default=MESSAGES)
    chosen = options.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="chatloom-banking77-", ignore_cleanup_errors=True) as folder,
        running(Path(folder)) as link,
    ):
        sys.exit(asyncio.run(do_the_job(link, chosen.data, chosen.messages)))


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """`chatloom run` in a data folder of its own; the link that it prints."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHATLOOM_")}
    environment = {**kept, "CHATLOOM_DATA_DIR": str(folder / "data"), "CHATLOOM_VISITOR_RATE": "0"}
    command = [sys.executable, "-m", "server.cli", "run"]
    log = folder / "run.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield _link_in(log, process)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _link_in(log: Path, process: "subprocess.Popen[bytes]") -> str:
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        if found := LINK.search(log.read_text()):
            return found[1]
        time.sleep(0.1)
    raise RuntimeError(f"chatloom run printed no link:\n{log.read_text()}")


async def do_the_job(link: str, data: Path, messages: int) -> int:
    """From the link to the figures; 0 when all is well."""
    file = [(row["text"], row["label"]) for row in _rows(data / "banking77_test.csv")][:messages]
    address = link.split("/sign-in")[0]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=_chromium(), args=list(CHROMIUM_ARGS))
        context = await browser.new_context(viewport={"width": 1600, "height": 900}, base_url=address)
        page = await context.new_page()
        await _sign_in(page, link)
        bot = await _make_the_bot(page, data / "banking77_train.csv")
        print(f"Sending {len(file):,} messages, {CONCURRENCY} at once", flush=True)
        replies = await _send_all(address, bot, [text for text, _ in file])
        counted = await _counted(context, f"/api/v1/analytics/overview?period=24h&intents=1000&flow={bot.flow_id}", len(file))
        await browser.close()
    return _judge(file, replies, counted)


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise SystemExit("This needs Chromium. Run: python3 scripts/browser.py")
    return found


async def _sign_in(page: Page, link: str) -> None:
    await page.goto(link)
    button = page.get_by_role("button", name=re.compile("sign in|continue", re.IGNORECASE))
    if await button.count():
        await button.first.click()
    await expect(page.get_by_role("heading", name=re.compile("^Welcome"))).to_be_visible()


async def _make_the_bot(page: Page, examples: Path) -> Bot:
    """Draw the flow, import the examples, publish, wait until it is live."""
    canvas = await _draw(page)
    flow_page = page.url
    await _import(page, flow_page, examples)
    await page.goto(flow_page)
    await canvas.ready()
    channel_id = await _publish(page)
    return Bot(flow_page.rstrip("/").rsplit("/", 1)[1], channel_id)


async def _draw(page: Page) -> Canvas:
    """Whatever the customer says is classified and the intent said back."""
    canvas = await new_flow(page, "Banking help")
    await canvas.drag_from_palette("classify_intent", 420, 250)
    await canvas.drag_from_palette("send_message", 820, 250)
    await canvas.open("Send a message")
    await canvas.fill("Message *", "{{ intent }}")
    await canvas.open("Understand the intent")
    await canvas.form.locator("summary", has_text="More").click()
    await canvas.fill("Be at least this sure", "0")
    for way in ("Another intent", "Not understood"):
        await canvas.connect(canvas.port("Understand the intent", way), canvas.node("Send a message"))
    return canvas


async def _import(page: Page, flow_page: str, examples: Path) -> None:
    """Choose the file, look at the preview, import."""
    began = time.perf_counter()
    await page.goto(f"{flow_page}/intents")
    await page.get_by_role("button", name="Import CSV").click()
    await page.locator("#f-file").set_input_files(examples)
    preview = page.locator("#import-preview")
    await expect(preview.get_by_role("button", name=re.compile("^Import "))).to_be_enabled(timeout=60_000)
    print("Preview:", (await preview.locator(".notice p").first.inner_text()).strip())
    await preview.get_by_role("button", name=re.compile("^Import ")).click()
    await expect(page.locator("#import-dialog")).to_be_hidden(timeout=60_000)
    await expect(page.locator("#intent-list").get_by_text("reverted_card_payment?", exact=True)).to_be_visible()
    print(f"Imported in {time.perf_counter() - began:.1f} s:", (await page.locator("#intent-list p").last.inner_text()).strip(), flush=True)


async def _publish(page: Page) -> str:
    """Publish and wait until the intents are learned; the id of the web channel."""
    await page.get_by_role("button", name="Publish").first.click()
    began = time.perf_counter()
    await page.get_by_role("button", name="Publish version 1").click()
    chat_page = await page.locator("#chat-page").get_attribute("href", timeout=30_000)
    assert chat_page is not None
    seen: list[str] = []
    watching = asyncio.create_task(_watch(page, seen))
    await expect(page.locator("#state")).to_contain_text("Live v1", timeout=LEARNS_WITHIN_MS)
    watching.cancel()
    print(f"Learned and live in {time.perf_counter() - began:.1f} s; the page said:", "; ".join(seen), flush=True)
    if not any("%" in text for text in seen):
        raise RuntimeError("no progress was shown while the intents were learned")
    return chat_page.rsplit("/", 1)[1]


async def _watch(page: Page, seen: list[str]) -> None:
    while True:
        text = " ".join((await page.locator("#state").inner_text()).split())
        if text and text not in seen[-1:]:
            seen.append(text)
        await asyncio.sleep(0.25)


async def _send_all(address: str, bot: Bot, texts: Sequence[str]) -> list[Reply]:
    """Each text is the first message of a customer of its own."""
    waiting = iter(enumerate(texts))
    replies: dict[int, Reply] = {}
    async with httpx.AsyncClient(base_url=address, timeout=60, trust_env=False) as client:

        async def customer() -> None:
            for number, text in waiting:
                replies[number] = await _send(client, bot, number, text)

        await asyncio.gather(*(customer() for _ in range(CONCURRENCY)))
    return [replies[number] for number in range(len(texts))]


async def _send(client: httpx.AsyncClient, bot: Bot, number: int, text: str) -> Reply:
    body = {"channel_id": bot.channel_id, "client_message_id": message_id(), "contact": {"id": f"customer-{number}"}, "text": text}
    began = time.perf_counter()
    answer = (await client.post("/api/v2/chat/message", json=body)).raise_for_status().json()
    ms = (time.perf_counter() - began) * 1000
    said = [message["body"]["text"] for message in answer["messages"] if message["direction"] == "out"]
    if answer["status"] != "answered" or len(said) != 1:
        raise RuntimeError(f"message {number} was not answered: {answer}")
    return Reply(said[0], ms)


async def _counted(context: BrowserContext, address: str, messages: int) -> dict[str, Any]:
    """The figures as soon as every conversation is in them, or as they are when time is up."""
    until = time.monotonic() + COUNTED_WITHIN_S
    while True:
        answer = await context.request.get(address)
        counted: dict[str, Any] = await answer.json()
        if counted["totals"]["conversations_ended"] >= messages or time.monotonic() > until:
            return counted
        await asyncio.sleep(0.2)


def _judge(file: Sequence[tuple[str, str]], replies: Sequence[Reply], counted: dict[str, Any]) -> int:
    right = sum(reply.intent == label for reply, (_, label) in zip(replies, file, strict=True))
    accuracy = right / len(file)
    p50, p95, p99 = (sorted(reply.ms for reply in replies)[int(share * (len(replies) - 1))] for share in (0.5, 0.95, 0.99))
    print(f"Accuracy: {right:,} of {len(file):,} = {accuracy:.1%}")
    print(f"Latency at {CONCURRENCY} at once: p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms")
    wrong = _differences(replies, counted)
    totals, labels = counted["totals"], len(counted["intents"])
    print(f"Dashboard: {totals['conversations']:,} conversations, {totals['messages']:,} messages, {labels} intents,", end=" ")
    print(f"turns p50 {totals['turn_ms_p50']:.1f} ms, p95 {totals['turn_ms_p95']:.1f} ms")
    print("The dashboard agrees with the file." if not wrong else "\n".join(["The dashboard does not agree:", *wrong]))
    return 0 if accuracy >= WANTED_ACCURACY and not wrong else 1


def _differences(replies: Sequence[Reply], counted: dict[str, Any]) -> list[str]:
    """Where the figures differ from what was sent and answered."""
    sent = len(replies)
    wanted = {"conversations": sent, "conversations_contained": sent, "messages_in": sent, "messages_out": sent, "turns": sent}
    found = {name: counted["totals"][name] for name in wanted}
    intents = {row["intent"]: row["conversations"] for row in counted["intents"]}
    answered = Counter(reply.intent for reply in replies)
    wanted |= {f"intent {name}": number for name, number in answered.items()}
    found |= {f"intent {name}": number for name, number in intents.items()}
    return [
        f"  {name}: {found.get(name, 0)} instead of {wanted.get(name, 0)}"
        for name in sorted(wanted.keys() | found.keys())
        if found.get(name, 0) != wanted.get(name, 0)
    ]


if __name__ == "__main__":
    main()
