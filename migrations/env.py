"""Alembic's entry: runs on the connection that server.kit.migrate hands over."""

import importlib
import pkgutil

from alembic import context

import server
from server.kit.db import metadata

for room in pkgutil.iter_modules(server.__path__):
    if room.ispkg and importlib.util.find_spec(f"server.{room.name}.tables"):
        importlib.import_module(f"server.{room.name}.tables")

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
