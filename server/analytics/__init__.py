"""Events into windows, windows into figures."""
