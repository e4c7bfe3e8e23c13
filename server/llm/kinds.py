"""The kinds of model providers. All of them speak the OpenAI protocol, so one guarded client serves them all."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. `base_url` is None where the person gives it; `prices` is how LiteLLM's price list begins the names of its models."""

    title: str
    base_url: str | None
    prices: str
    needs_key: bool = True


KINDS = {
    "openai": Kind("OpenAI", "https://api.openai.com/v1", ""),
    "anthropic": Kind("Anthropic", "https://api.anthropic.com/v1", "anthropic/"),
    "gemini": Kind("Google Gemini", "https://generativelanguage.googleapis.com/v1beta/openai", "gemini/"),
    "mistral": Kind("Mistral", "https://api.mistral.ai/v1", "mistral/"),
    "groq": Kind("Groq", "https://api.groq.com/openai/v1", "groq/"),
    "openrouter": Kind("OpenRouter", "https://openrouter.ai/api/v1", "openrouter/"),
    "compatible": Kind("Another service or your own server (OpenAI-compatible)", None, "", needs_key=False),
}
