"""A flow in memory behind the real canvas, so that the canvas can be driven without the rest of the product."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Response, get, post
from litestar.params import FromPath
from litestar.static_files import create_static_files_router

from server.kit.pages import UI, Partial, environment, macros, page_context, partials, render

TYPES = {
    "send_message": ("Send a message", "messages", [("next", "Next")]),
    "offer_choices": ("Offer choices", "messages", [("track", "Track my order"), ("billing", "Billing"), ("otherwise", "Otherwise")]),
    "branch": ("Branch", "logic", [("yes", "Yes"), ("otherwise", "Otherwise")]),
    "end": ("End", "logic", []),
}
PALETTE = [
    {
        "category": family,
        "title": family.title(),
        "items": [{"type": kind, "title": title, "summary": "What it does."} for kind, (title, of, _) in TYPES.items() if of == family],
    }
    for family in ("messages", "logic")
]
HERE = Path(__file__).parent
PAGE = environment().from_string((HERE / "canvas_page.html").read_text())
FORM = environment().from_string((HERE / "canvas_form.html").read_text())

Entry = dict[str, Any]


class Flow:
    """Nodes and edges, the batches it was sent, and one switch: how the next batch fails."""

    def __init__(self, size: int) -> None:
        self.revision = 0
        self.batches: dict[str, list[Entry]] = {}
        self.undone = 0
        self.fail_next: int | None = None
        kinds = ["send_message", "offer_choices", "branch"]
        rows = 6 if size > 60 else 4
        self.nodes: dict[str, Entry] = {
            f"n{i}": {
                "id": f"n{i}",
                "type": kinds[i % 3],
                "title": f"Step {i}",
                "x": i // rows * 320,
                "y": i % rows * 208 + i // rows % 2 * 40,
            }
            for i in range(size)
        }
        self.edges: dict[str, Entry] = {}
        for i in range(size):
            for j, (port, _) in enumerate(TYPES[kinds[i % 3]][2][:2]):
                if i + 1 + j * 4 < size:
                    self.edges[f"e{i}-{j}"] = {"id": f"e{i}-{j}", "source": f"n{i}", "port": port, "target": f"n{i + 1 + j * 4}"}

    def card(self, node: Mapping[str, Any]) -> Entry:
        title, category, ports = TYPES[node["type"]]
        faulty = node["id"] == "n2"
        return {
            **node,
            "rev": f"{self.revision}-{node['title']}",
            "type_title": title,
            "category": category,
            "text": "Hi {{ contact.name }}, how can I help you today?",
            "ports": [{"name": name, "title": text} for name, text in ports],
            "start": node["id"] == next(iter(self.nodes)),
            "flags": [],
            "errors": 0,
            "warnings": int(faulty),
            "problem_text": "“Otherwise” leads nowhere" if faulty else "",
        }

    def apply(self, op: Entry) -> tuple[list[str], list[str], list[str]]:
        """New nodes, new edges, removed ids."""
        match op["op"]:
            case "move":
                for name, x, y in op["moves"]:
                    self.nodes[name] |= {"x": x, "y": y}
            case "add":
                self.nodes[op["id"]] = {"id": op["id"], "type": op["type"], "title": TYPES[op["type"]][0], "x": op["x"], "y": op["y"]}
                if op.get("split"):
                    edge = self.edges[op["split"]]
                    self.edges[op["edge2"]] = {
                        "id": op["edge2"],
                        "source": op["id"],
                        "port": TYPES[op["type"]][2][0][0],
                        "target": edge["target"],
                    }
                    edge["target"] = op["id"]
                    return [op["id"]], [op["edge2"], op["split"]], []
                if op.get("source"):
                    self.edges[op["edge"]] = {"id": op["edge"], "source": op["source"], "port": op["port"], "target": op["id"]}
                    return [op["id"]], [op["edge"]], []
                return [op["id"]], [], []
            case "connect":
                self.edges = {
                    name: edge for name, edge in self.edges.items() if (edge["source"], edge["port"]) != (op["source"], op["port"])
                }
                self.edges[op["id"]] = {key: op[key] for key in ("id", "source", "port", "target")}
            case "delete":
                for name in op["nodes"]:
                    del self.nodes[name]
                for name in op["edges"]:
                    del self.edges[name]
            case "paste":
                for old, new in op["ids"].items():
                    node = self.nodes[old]
                    self.nodes[new] = {**node, "id": new, "x": node["x"] + op["dx"], "y": node["y"] + op["dy"]}
                inner = [edge for edge in self.edges.values() if edge["source"] in op["ids"] and edge["target"] in op["ids"]]
                copies = {f"{edge['id']}-{len(self.edges)}": edge for edge in inner}
                for name, edge in copies.items():
                    self.edges[name] = {
                        "id": name,
                        "source": op["ids"][edge["source"]],
                        "port": edge["port"],
                        "target": op["ids"][edge["target"]],
                    }
                return list(op["ids"].values()), list(copies), []
        return [], [], []


def canvas_app(flow: Flow, *, readonly: bool = False) -> Litestar:
    """The page at `/`, the operations at `/flows/f1/...`, the flow as JSON at `/state`."""

    def answer(request: Request[Any, Any, Any], nodes: list[str], edges: list[str], changed: list[str]) -> Response[str]:
        cards = macros(request, "editor/_node.html")
        parts = [Partial("#nodes", cards.node(flow.card(flow.nodes[name])), "beforeend") for name in nodes]
        parts += [Partial(f"#{name}", cards.node(flow.card(flow.nodes[name]))) for name in changed]
        parts += [Partial("#edges", cards.edge(flow.edges[name]), "beforeend") for name in edges]
        parts.append(Partial("#rev", f'<meta id="rev" content="{flow.revision}">', "outerHTML"))
        return partials(request, parts)

    @get("/")
    async def page(request: Request[Any, Any, Any]) -> Response[str]:
        shell = render(request, "ui_kit/bare.html")
        values = {
            "flow": flow,
            "palette": PALETTE,
            "readonly": readonly,
            "nodes": [flow.card(node) for node in flow.nodes.values()],
            "edges": list(flow.edges.values()),
        }
        return Response(PAGE.render(page_context(request, values)), media_type="text/html", headers=shell.headers)

    @get("/state")
    async def state() -> Entry:
        return {"nodes": flow.nodes, "edges": flow.edges, "batches": flow.batches, "undone": flow.undone}

    @post("/flows/f1/ops", status_code=200)
    async def ops(request: Request[Any, Any, Any]) -> Response[Any]:
        failure, flow.fail_next = flow.fail_next, None
        if failure:
            return Response({"detail": "The flow is locked."}, status_code=failure, media_type="application/problem+json")
        batch = json.loads((await request.form())["batch"])
        if batch["op_id"] in flow.batches:
            return answer(request, [], [], [])
        flow.batches[batch["op_id"]] = batch["ops"]
        flow.revision += 1
        results = [flow.apply(op) for op in batch["ops"]]
        return answer(request, [name for nodes, _, _ in results for name in nodes], [name for _, edges, _ in results for name in edges], [])

    @post(["/flows/f1/undo", "/flows/f1/redo"], status_code=200)
    async def history(request: Request[Any, Any, Any]) -> Response[str]:
        flow.undone += 1 if request.url.path.endswith("undo") else -1
        return answer(request, [], [], [])

    @get("/flows/f1/canvas")
    async def canvas(request: Request[Any, Any, Any]) -> Response[str]:
        cards = macros(request, "editor/_node.html")
        nodes = "".join(cards.node(flow.card(node)) for node in flow.nodes.values())
        return partials(
            request,
            [Partial("#nodes", nodes, "innerMorph"), Partial("#edges", "".join(map(cards.edge, flow.edges.values())), "innerMorph")],
        )

    @get("/flows/f1/nodes/{name:str}/form")
    async def form(name: FromPath[str]) -> Response[str]:
        return Response(FORM.render(node=flow.nodes[name]), media_type="text/html")

    @post("/flows/f1/nodes/{name:str}", status_code=200)
    async def save(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[str]:
        flow.nodes[name]["title"] = (await request.form())["title"]
        flow.revision += 1
        return answer(request, [], [], [name])

    static = create_static_files_router("/static", [UI / "static"])
    return Litestar([page, state, ops, history, canvas, form, save, static], openapi_config=None)
