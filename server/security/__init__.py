"""Who is calling and what they may do: sign-in, tokens, roles, guards."""
