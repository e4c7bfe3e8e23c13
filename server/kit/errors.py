"""What goes wrong, as the caller should read it (RFC 9457, Problem Details for HTTP APIs)."""

from collections.abc import Mapping
from typing import Any


class Problem(Exception):
    """An error with a sentence that says what to do next.

    `status` is the HTTP status, `code` a stable word for programs, `detail` the sentence for people,
    `fields` maps a field's path to its own sentence, `headers` go out with the answer, `extra` lands in the body.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.fields = dict(fields or {})
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    def body(self, request_id: str | None = None) -> dict[str, Any]:
        """The `application/problem+json` document."""
        document: dict[str, Any] = {"type": f"urn:chatloom:{self.code}", "title": self.code.replace("_", " "), "status": self.status}
        document["detail"] = self.detail
        if self.fields:
            document["fields"] = self.fields
        if request_id:
            document["request_id"] = request_id
        return {**self.extra, **document}


def not_found(what: str) -> Problem:
    """404 for a thing that does not exist or belongs to somebody else: the two must look the same."""
    return Problem(404, "not_found", f"There is no such {what} in this workspace.")
