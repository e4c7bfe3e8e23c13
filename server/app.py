"""The web process: finds the rooms' routes, opens what they share, answers."""

import importlib
import importlib.util
import pkgutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import redis.asyncio
from litestar import Litestar, Request, Response, Router
from litestar.config.compression import CompressionConfig
from litestar.datastructures import CacheControlHeader
from litestar.di import Provide
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin
from litestar.static_files import create_static_files_router

import server
from server.conversations.callback import Callbacks
from server.kit.answers import RequestId, answer_error
from server.kit.db import Database
from server.kit.http import OutboundClient
from server.kit.idle import closing_idle
from server.kit.keeping_time import keeping_time
from server.kit.live import Live
from server.kit.secrets import Vault
from server.kit.settings import BadSetting, Settings, read_settings
from server.plugins.watch import watching
from server.security import guards
from server.security.idempotency import Idempotency
from server.turns.engine import Turns
from server.turns.fast_door import FastDoor

STATIC = Path(__file__).parents[1] / "ui" / "static"
MAX_BODY_BYTES = 10_000_000
NOT_PACKED = ["/api/v2/chat/message", "/w/.*/events", "/files/"]
SHARED = ("settings", "db", "redis", "live", "vault", "http", "callbacks", "turns", "courtesies", "watch")


def modules(*names: str) -> Iterator[ModuleType]:
    """`server.<room>.<name>` of every room that has it, in alphabetical order of rooms."""
    for room in pkgutil.iter_modules(server.__path__):
        for name in names:
            path = f"server.{room.name}.{name}"
            if room.ispkg and importlib.util.find_spec(path):
                yield importlib.import_module(path)


def handlers() -> list[Any]:
    """Every route handler of every room; answers to OPTIONS first, or the framework puts its own in their place."""
    found = [handler for module in modules("routes", "pages") for handler in getattr(module, "handlers", [])]
    return sorted(found, key=lambda handler: getattr(handler, "http_methods", None) != {"OPTIONS"})


class Application(Litestar):
    """Without the framework's plugins for other kinds of model: ours are msgspec's alone, and the others are megabytes to load."""

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return [*plugins, MsgspecDIPlugin()]


def create_app(settings: Settings | None = None) -> Litestar:
    """The ASGI application; `settings` stand in for the environment's in tests. Its life begins with the settings in its state."""
    assets = create_static_files_router(
        "/static",
        [STATIC],
        cache_control=CacheControlHeader(public=True, max_age=31_536_000, immutable=True),
        opt={"public": True},
        after_request=for_every_site,
    )
    application = Application(
        [*handlers(), assets],
        lifespan=[_open],
        on_startup=[guards.check_permissions_declared],
        dependencies={name: Provide(_shared(name), sync_to_thread=False) for name in SHARED}
        | {"identity": Provide(guards.provide_identity, sync_to_thread=False)},
        middleware=[RequestId(), *guards.middleware, Idempotency()],
        guards=guards.guards,
        exception_handlers={Exception: answer_error},
        compression_config=CompressionConfig(
            backend="gzip", minimum_size=1_000, exclude=["/api/v2/chat/message", "/w/.*/events", "/files/"]
        ),
        openapi_config=OpenAPIConfig(
            title="Chatloom",
            version="1",
            render_plugins=[JsonRenderPlugin()],
            openapi_router=Router("/schema", route_handlers=[], opt={"public": True}),
        ),
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
        debug=False,
    )
    application.state.settings = settings or read_settings()
    application.asgi_handler = FastDoor(application)
    return application


def for_every_site(answer: Response[Any]) -> Response[Any]:
    """Built files may be read from any page: the widget on somebody's site fetches its parts and words."""
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


@asynccontextmanager
async def _open(app: Litestar) -> AsyncIterator[None]:
    state = app.state
    settings: Settings = state.settings
    if settings.database_url is None or settings.redis_url is None:
        raise BadSetting(
            "the web process needs CHATLOOM_DATABASE_URL and CHATLOOM_REDIS_URL; `chatloom run` starts embedded ones and sets both"
        )
    async with AsyncExitStack() as stack:
        state.db = Database(settings.database_url)
        stack.push_async_callback(state.db.close)
        await stack.enter_async_context(keeping_time(state.db))
        await stack.enter_async_context(closing_idle(state.db))
        state.redis = redis.asyncio.from_url(settings.redis_url)
        stack.push_async_callback(state.redis.aclose)
        state.vault = Vault.open(settings.secret_key_file)
        await state.vault.check(state.db)
        state.http = OutboundClient(settings.outbound_allow)
        stack.push_async_callback(state.http.close)
        state.live = Live(state.redis)
        await state.live.start()
        stack.push_async_callback(state.live.stop)
        state.callbacks = Callbacks(state.vault, settings.public_url)
        state.watch = await stack.enter_async_context(watching(state.db, state.live, settings))
        state.turns = Turns(state.db, state.redis, state.live, settings, state.vault, state.http)
        state.courtesies = state.turns.courtesies
        await state.turns.start()
        stack.push_async_callback(state.turns.stop)
        yield


def _shared(name: str) -> Callable[[Request[Any, Any, Any]], Any]:
    def provide(request: Request[Any, Any, Any]) -> Any:
        return getattr(request.app.state, name)

    return provide
