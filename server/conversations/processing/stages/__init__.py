"""One folder per stage: stage.json, process.py, cases.json. A folder that is put here is found; no list is edited."""
