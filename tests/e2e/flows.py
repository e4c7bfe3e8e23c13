"""Flows to draw on."""

from typing import Any

from playwright.async_api import Page

COLUMN, ROW = 320, 176


def step(kind: str, title: str, column: float, row: float, **settings: Any) -> dict[str, Any]:
    """One step at a place of the grid."""
    return {"type": kind, "title": title, "settings": settings, "position": {"x": round(column * COLUMN), "y": round(row * ROW)}}


def edge(source: str, port: str, target: str) -> dict[str, str]:
    """One connection."""
    return {"source": source, "port": port, "target": target}


def rows(variable: str, operator: str, value: str) -> dict[str, Any]:
    """Conditions of one row."""
    return {"match": "all", "rows": [{"variable": variable, "operator": operator, "value": value}]}


def order_help() -> dict[str, Any]:
    """A small support bot with every kind of connection."""
    labels = {"track": "Track my order", "billing": "Billing", "other": "Something else"}
    choices = [{"value": value, "label": label} for value, label in labels.items()]
    question = "What can I help you with today?"
    delivered = [{"name": "delivered", "title": "Delivered", "when": rows("order.status", "is", "delivered")}]
    nodes = {
        "welcome": step("send_message", "Welcome", 0, 1, text="Hi {{ contact.name }}! I can help with orders, billing and returns."),
        "need": step("offer_choices", "What do you need?", 1, 0.9, text=question, choices=choices, save_as="topic"),
        "number": step("ask_question", "Order number", 2, 0, text="What is your order number?", save_as="order_id"),
        "lookup": step("http_request", "Look up order", 3, -0.2, url="https://shop.example/orders/{{ order_id }}", save_as="order"),
        "delivered": step("branch", "Delivered?", 4, -0.4, branches=delivered),
        "arrived": step("send_message", "Already there", 5, -0.7, text="It was delivered on {{ order.date }}. Anything wrong with it?"),
        "coming": step("send_message", "On its way", 5, 0.3, text="Good news: it is on its way and arrives {{ order.eta }}."),
        "billing": step("send_message", "Billing team", 3, 1, text="Our billing team answers within a day."),
        "answer": step("llm_reply", "Answer from help centre", 3, 1.9, instructions="Answer from the help centre. Be brief and friendly."),
        "done": step("end", "Done", 6, 0.4, text="Bye!"),
    }
    joints = [
        ("welcome", "next", "need"),
        ("need", "track", "number"),
        ("need", "billing", "billing"),
        ("need", "other", "answer"),
        ("number", "next", "lookup"),
        ("lookup", "ok", "delivered"),
        ("lookup", "failed", "billing"),
        ("delivered", "delivered", "arrived"),
        ("delivered", "otherwise", "coming"),
        ("arrived", "next", "done"),
        ("coming", "next", "done"),
        ("answer", "next", "done"),
    ]
    return document("Order help", nodes, {f"e{n}": edge(*joint) for n, joint in enumerate(joints)}, "welcome")


def chain(count: int) -> dict[str, Any]:
    """A grid of questions, each followed by the next: n0, n1, n2..."""
    height = 4 if count <= 60 else 12
    nodes = {
        f"n{n}": step("ask_question", f"Question {n}", n // height, n % height, text=f"Question number {n}?", save_as=f"answer_{n}")
        for n in range(count)
    }
    edges = {f"e{n}": edge(f"n{n}", "next", f"n{n + 1}") for n in range(count - 1)}
    return document(f"{count} questions", nodes, edges, "n0")


def document(name: str, nodes: dict[str, Any], edges: dict[str, Any], start: str) -> dict[str, Any]:
    """A flow document."""
    triggers = [{"id": "start", "type": "conversation_start", "node": start}]
    return {"schema_version": 1, "name": name, "triggers": triggers, "nodes": nodes, "edges": edges}


async def import_flow(page: Page, bundle: dict[str, Any]) -> str:
    """Import a flow with the page's own session; its id."""
    if page.url == "about:blank":
        await page.goto("/flows")
    answer: dict[str, Any] = await page.evaluate(
        """async bundle => (await fetch("/api/v1/flows/import", {
            method: "POST",
            headers: {"Content-Type": "application/json", ...JSON.parse(document.body.getAttribute("hx-headers:inherited"))},
            body: JSON.stringify(bundle),
        })).json()""",
        bundle,
    )
    assert "id" in answer, answer
    return str(answer["id"])
