"""Providers of channels: each speaks its real protocol, enforces its limits and keeps records."""
