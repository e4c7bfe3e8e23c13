"""Other companies' systems: performing calls with retries and limits."""
