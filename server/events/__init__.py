"""What happened: the catalogue of event types, writing an event in the commit that made it happen, reading the log in order."""
