"""Wires the rooms' routes into versions and OpenAPI."""
