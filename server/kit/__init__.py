"""What every room needs and no business word: settings, database, jobs, events, HTTP client, pages."""
