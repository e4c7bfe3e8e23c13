"""Pages: signing in, up and out; the workspace and its members; the account."""

from typing import Any

from server.security import account_pages, member_pages, sign_in_pages, workspace_pages

handlers: list[Any] = [*sign_in_pages.handlers, *workspace_pages.handlers, *member_pages.handlers, *account_pages.handlers]
