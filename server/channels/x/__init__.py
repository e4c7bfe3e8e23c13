"""X: direct messages, and posts that mention the account (Activity API and the older Account Activity API, X API v2)."""
