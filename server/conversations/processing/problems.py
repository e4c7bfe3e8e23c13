"""What somebody is answered whose message or file a stage did not let through."""

from server.conversations.processing.run import NotLetThrough
from server.kit.errors import Problem


def problem_of(refused: NotLetThrough, field: str) -> Problem:
    """503 when a stage failed that must not fail: they may try again. 422 when a stage decided so."""
    if refused.failed:
        return Problem(503, "not_processed", str(refused), headers={"Retry-After": "5"})
    code = "file_refused" if field == "file" else "message_refused"
    return Problem(422, code, str(refused), fields={field: str(refused)})
