"""One turn of one conversation: input in, runtime, one commit, effects out."""
