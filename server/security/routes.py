"""JSON: `/api/v1/auth`, the organization, its members, the account's workspaces."""

from typing import Any

from server.security import auth_routes, member_routes, workspace_routes

handlers: list[Any] = [*auth_routes.handlers, *workspace_routes.handlers, *member_routes.handlers]
