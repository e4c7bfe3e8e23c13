"""The other side of each kind of channel: one file for each, found by being here."""

import importlib
import pkgutil

from tests.fakes.channels.provider import FakeProvider


def every_provider() -> list[type[FakeProvider]]:
    """The fakes of all providers, by the kind of their channel."""
    modules = [importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    classes = {one for module in modules for one in vars(module).values() if isinstance(one, type) and issubclass(one, FakeProvider)}
    return sorted((one for one in classes if hasattr(one, "kind")), key=lambda one: one.kind)
