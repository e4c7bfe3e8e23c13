"""The sample shop's order system over HTTP."""

from typing import Any

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody

from server.demo import shop_api
from server.kit.clock import now


class ReturnWish(msgspec.Struct, forbid_unknown_fields=True):
    """What a customer of the sample shop wants to send back."""

    order: str = msgspec.field(default="")
    reason: str = ""
    email: str = ""


@get("/demo/api/orders/{number:str}", opt={"public": True}, tags=["demo"], sync_to_thread=False)
def show_order(number: FromPath[str]) -> dict[str, Any]:
    """The status of an order of the sample shop."""
    return shop_api.order(number[:40], now().date())


@post("/demo/api/returns", opt={"public": True}, tags=["demo"], sync_to_thread=False)
def register_return(data: JSONBody[ReturnWish]) -> dict[str, Any]:
    """Register a return with the sample shop; nothing is stored."""
    return shop_api.returned(data.order[:40], data.reason[:40], data.email[:200])


handlers = [show_order, register_return]
