"""The platform: rooms from kit (lowest) to app, worker and cli (highest)."""
