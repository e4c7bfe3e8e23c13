"""The outside world, small: HTTP servers on free loopback ports that behave, or misbehave, as told."""
