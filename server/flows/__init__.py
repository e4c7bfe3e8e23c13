"""Flow documents: drafts, versions, intents."""
