"""The two cookies of the pages: the access token and the refresh token.

`__Host-` and Secure over https. Plain names only on this very machine (http://localhost), with the port in the name,
because browsers share cookies between ports. Anything else gets no session.
"""

from dataclasses import dataclass
from typing import Any

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from server.kit.errors import Problem
from server.kit.settings import Settings

_LOCAL = ("localhost", "127.0.0.1", "::1")
_MAX_AGE_S = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class CookieJar:
    """Names and flags of our cookies at one address."""

    prefix: str
    secure: bool

    @property
    def access(self) -> str:
        """Name of the access token's cookie."""
        return f"{self.prefix}access"

    @property
    def refresh(self) -> str:
        """Name of the refresh token's cookie."""
        return f"{self.prefix}refresh"

    def signed_in(self, access_token: str, refresh_token: str) -> list[Cookie]:
        """Cookies of a session."""
        return [self._cookie(self.access, access_token, _MAX_AGE_S), self._cookie(self.refresh, refresh_token, _MAX_AGE_S)]

    def signed_out(self) -> list[Cookie]:
        """Cookies that remove those of a session."""
        return [self._cookie(self.access, "", 0), self._cookie(self.refresh, "", 0)]

    def _cookie(self, name: str, value: str, max_age: int) -> Cookie:
        return Cookie(key=name, value=value, max_age=max_age, path="/", secure=self.secure, httponly=True, samesite="lax")


def cookies_of(connection: ASGIConnection[Any, Any, Any, Any], settings: Settings) -> CookieJar | None:
    """The cookies that may be used at the address the request came to, or None when it is not safe for any."""
    url = connection.url
    if url.scheme in ("https", "wss") or settings.base_url.startswith("https://"):
        return CookieJar("__Host-chatloom_", secure=True)
    if url.hostname in _LOCAL:
        return CookieJar(f"chatloom_{url.port or 80}_", secure=False)
    return None


def cookies_for_session(connection: ASGIConnection[Any, Any, Any, Any], settings: Settings) -> CookieJar:
    """The same for somebody who signs in now; raises a Problem when the address is not safe."""
    jar = cookies_of(connection, settings)
    if jar is None:
        detail = "Sign in through https:// or on the machine itself (http://localhost): a session must not travel in the clear."
        raise Problem(400, "insecure_address", detail)
    return jar
