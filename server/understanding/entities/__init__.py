"""Values in a customer's words: one file for each kind, each giving hits with their places; `extract` gives them to the slots."""
