"""The API of an imaginary shop: orders to look up, returns to open once, and every way an API can let a caller down."""

from typing import Any

from tests.fakes.http import Answering, FakeServer, Request

ORDERS = {
    "1001": {"id": "1001", "status": "shipped", "carrier": "Swift Parcels", "eta": "2026-03-14"},
    "1002": {"id": "1002", "status": "packing"},
}


class FakeShop(FakeServer):
    """`GET /orders/{id}`, `POST /returns` (once per Idempotency-Key), `/echo`, `/slow/{seconds}`, `/status/{code}`, `/flaky/{times}`...

    `/status/{code}/{seconds}` also asks to come back after so many seconds.
    """

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.returns: dict[str, Any] = {}
        self.failures = 0

    async def _answer(self, request: Request, to: Answering) -> None:
        _, room, *rest = request.path.partition("?")[0].split("/")
        match room, rest:
            case "orders", [order_id]:
                order = ORDERS.get(order_id)
                await (to.send(200, order) if order else to.send(404, {"error": "no such order"}))
            case "returns", []:
                key = request.headers.get("idempotency-key", str(len(self.requests)))
                is_new = key not in self.returns
                opened = self.returns.setdefault(key, {"return_id": f"R{len(self.returns) + 1}", **request.json})
                await to.send(201 if is_new else 200, opened)
            case "echo", _:
                seen = {"method": request.method, "path": request.path, "headers": request.headers, "body": request.body.decode()}
                await to.send(200, seen)
            case "slow", [seconds]:
                await to.wait(float(seconds))
                await to.send(200, {"slept": seconds})
            case "status", [code, *more]:
                await to.send(int(code), {"error": f"told to answer {code}"}, {"Retry-After": more[0]} if more else None)
            case "flaky", [times]:
                self.failures += 1
                await (to.send(503, {"error": "try again"}) if self.failures <= int(times) else to.send(200, {"tries": self.failures}))
            case "garbage", _:
                await to.raw(b"this is not HTTP\r\n\r\n")
            case "hangup", _:
                to.writer.close()
            case _:
                await to.send(404, {"error": "no such page"})
