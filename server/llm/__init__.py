"""Language models: the only door to LiteLLM."""
