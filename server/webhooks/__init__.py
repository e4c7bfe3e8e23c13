"""Outgoing webhooks: other systems of a workspace are told of its events, signed, in their own time, for three days if need be."""
