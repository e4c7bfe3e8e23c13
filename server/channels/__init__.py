"""The ways a customer reaches a flow: one folder per channel kind."""
