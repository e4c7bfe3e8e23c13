"""One module per topic; a type declared in any of them is in the catalogue."""
