"""Errors of LiteLLM and what lies under it, as one of the few kinds that a flow can act upon."""

from server.kit.http import OutboundRefused
from server.llm.messages import ModelFailed, Provider

_TOO_LONG = "ContextWindowExceededError"


def failure_of(error: Exception, provider: Provider, partial: str) -> ModelFailed:
    """The failure that an error of the libraries amounts to."""
    if (refused := _refusal(error)) is not None:
        return ModelFailed("refused", f"The address of {provider.name} cannot be used. {refused}", partial=partial)
    if type(error).__name__ == _TOO_LONG:
        return ModelFailed("refused", f"The conversation is too long for {provider.model}.", partial=partial, too_long=True)
    return _by_status(getattr(error, "status_code", None), provider, _said(error, provider), partial)


def _by_status(status: object, provider: Provider, said: str, partial: str) -> ModelFailed:
    name = provider.name
    if status == 429:
        return ModelFailed("rate_limited", f"{name} asks us to slow down, or its quota is used up. {said}", partial=partial)
    if status in (401, 403):
        return ModelFailed("refused", f"{name} did not accept the key. Check it under Settings, Models.", partial=partial)
    if status == 404:
        return ModelFailed("refused", f"{name} does not know the model {provider.model}, or the address is wrong.", partial=partial)
    if status == 408:
        return ModelFailed("timeout", f"{name} took too long.", partial=partial)
    if isinstance(status, int) and 300 <= status < 500:
        return ModelFailed("refused", f"{name} did not accept the request ({status}). {said}", partial=partial)
    if status is None or (isinstance(status, int) and status >= 500):
        return ModelFailed("unavailable", f"{name} cannot be reached or has a problem of its own. {said}", partial=partial)
    return ModelFailed("garbage", f"What {name} answered cannot be read.", partial=partial)


def _refusal(error: BaseException | None) -> OutboundRefused | None:
    """The refusal of our own guard under the errors that the libraries have put around it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, OutboundRefused):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def _said(error: Exception, provider: Provider) -> str:
    """The provider's own words, short, without the key."""
    words = str(getattr(error, "message", error)).rpartition("Exception - ")[2].strip()
    if provider.api_key:
        words = words.replace(provider.api_key, "(key)")
    return f"It said: {words[:200]}" if words else ""
