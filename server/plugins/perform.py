"""A call that a plugin performs itself: `plugin.<name>.<call>` runs in the plugin's process, and the network it has is the server's."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from flow_runtime.errors import NodeFailure
from server.kit.addresses import checked_url, host_and_port
from server.kit.calls import CallEnd, CallFailed, OpenCall, Tools, performs
from server.kit.http import OutboundAnswer, OutboundClient, OutboundFailed, OutboundRefused
from server.plugins.hosts import Answer
from server.plugins.manifest import Manifest
from server.plugins.shelf import shelf

MAX_ANSWER_BYTES = 1_000_000
REQUEST_S = 10.0
HTTPS_PORT = 443


@performs("plugin.*")
async def call_plugin(tools: Tools, call: OpenCall) -> CallEnd:
    """What the function of the plugin's calls.py returns; `call.id` goes out with its requests as their idempotency key."""
    _, _, rest = call.kind.partition(".")
    name, _, function = rest.partition(".")
    plugin = shelf().plugin(name)
    if plugin is None or plugin.trouble or function not in plugin.manifest.calls:
        raise CallFailed("not_available", f"No installed plugin performs {call.kind}. Install one that does.", may_retry=False)
    answer = _Network(tools.resources.http, plugin.manifest, call.id, asyncio.get_running_loop()).answer
    asked = {"do": "call", "call": function, "payload": dict(call.payload)}
    try:
        value = await asyncio.to_thread(_run, plugin.hosts.run, asked, answer, call.timeout_s)
    except NodeFailure as failure:
        raise CallFailed(failure.kind, failure.message) from None
    return CallEnd(True, value)


def _run(run: Any, asked: Mapping[str, Any], answer: Answer, seconds: float) -> Any:
    return run(asked, answer, seconds)


class _Network:
    """Makes a plugin's requests, from the plugin's thread on the server's event loop."""

    def __init__(self, http: OutboundClient, manifest: Manifest, key: str, loop: asyncio.AbstractEventLoop) -> None:
        self._http = http
        self._manifest = manifest
        self._key = key
        self._loop = loop

    def answer(self, name: str, args: list[Any]) -> Any:
        """What the plugin asks for."""
        if name != "http":
            raise NodeFailure("plugin", f"A call cannot ask for {name}.")
        method, url, headers, body, text = args
        self._check(str(url))
        asking = self._request(str(method), str(url), dict(headers), body, str(text))
        try:
            answer = asyncio.run_coroutine_threadsafe(asking, self._loop).result()
        except OutboundRefused as refused:
            raise NodeFailure("refused", str(refused)) from None
        except OutboundFailed as failed:
            raise NodeFailure(failed.kind, str(failed)) from None
        return {"status": answer.status, "headers": answer.headers, "body": _read(answer)}

    def _check(self, url: str) -> None:
        try:
            host, port = host_and_port(checked_url(url))
        except OutboundRefused as refused:
            raise NodeFailure("refused", str(refused)) from None
        wanted = {host, f"{host}:{port}"} if port == HTTPS_PORT else {f"{host}:{port}"}
        if not wanted & set(self._manifest.network):
            listed = ", ".join(self._manifest.network) or "no host at all"
            raise NodeFailure("refused", f"The plugin may reach {listed}, not {host}:{port}. Hosts are named in its plugin.json.")

    async def _request(self, method: str, url: str, headers: dict[str, str], body: Any, text: str) -> OutboundAnswer:
        given = {name.lower() for name in headers}
        data = text.encode() if body is None else msgspec.json.encode(body)
        if body is not None and "content-type" not in given:
            headers["Content-Type"] = "application/json"
        if method.upper() not in ("GET", "HEAD", "OPTIONS") and "idempotency-key" not in given:
            headers["Idempotency-Key"] = self._key
        return await self._http.request(method, url, headers=headers, body=data or None, timeout_s=REQUEST_S, max_bytes=MAX_ANSWER_BYTES)


def _read(answer: OutboundAnswer) -> Any:
    """JSON as values, everything else as text."""
    if "json" in answer.headers.get("content-type", ""):
        try:
            return msgspec.json.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
    return answer.body.decode("utf-8", "replace")
