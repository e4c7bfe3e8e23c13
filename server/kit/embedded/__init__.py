"""PostgreSQL and Redis for a machine that has neither: the servers inside two Python wheels, run as our children.

Both are started from the main thread: on Linux they stop by themselves when the thread that started them ends.
"""
