"""How the server behaves under load: closed and open load, many streams, a flooding tenant, a long run, memory. `make bench-load`."""
