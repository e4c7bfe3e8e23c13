# make run    start Chatloom          make test    everything the tests can prove
# make check  style, types, walls     make bench   how fast, against the bare limit
PYTHON ?= python3
BIN := .venv/bin
# More than cores: tests of faults mostly wait.
WORKERS ?= 3

.PHONY: run test test-faults check format bench bench-load lock tools sdks browser bench-banking77 bench-nlu extension

run:
	@$(PYTHON) scripts/bootstrap.py
	@exec $(BIN)/chatloom run

test: tools browser sdks
	$(BIN)/pytest -q -n $(WORKERS) --dist loadfile --durations=20

# Only what breaks things on purpose: killed processes, bad networks; part of `make test`. ROUNDS=200 kills so many times and takes long.
test-faults: tools
	ROUNDS=$(ROUNDS) $(BIN)/pytest -q tests/faults

check: tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(PYTHON) scripts/bootstrap.py --dev -- npm run --silent check

# The Chrome extension, from the widget's own code: build/extension (load it unpacked) and build/chatloom-extension.zip (for the store).
# SERVER=https://chat.example.com CHANNEL=<id> NAME="Acme help" make one for a single bot; without them it asks.
extension: tools
	@$(PYTHON) scripts/bootstrap.py --dev -- node ui/extension.mjs --server "$(SERVER)" --channel "$(CHANNEL)" --name "$(NAME)"
	@rm -f build/chatloom-extension.zip
	@cd build/extension && $(abspath $(BIN))/python -m zipfile -c ../chatloom-extension.zip *
	@echo "build/extension and build/chatloom-extension.zip"

format: tools
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: tools
	$(BIN)/python -m bench

# Behaviour under load: all figures, or ONLY="name name"; OPTIONS goes to the command as it is (--help lists them).
bench-load: tools
	$(BIN)/python -m bench.load $(if $(ONLY),--only $(ONLY)) $(OPTIONS)

# The main job on real input; DATA is a folder with banking77_train.csv and banking77_test.csv.
bench-banking77: tools browser
	$(BIN)/python -m bench.banking77 --data $(DATA)

# How well intents are understood; DATA is a folder with <name>_train.csv and <name>_test.csv (text, label).
bench-nlu: tools
	$(BIN)/python -m bench.nlu --data $(DATA)

# The pinned packages with their hashes. New releases wait a week: look at the dates before you commit the result.
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-annotate --no-header \
	--no-emit-index-url --no-emit-find-links --no-emit-options --no-emit-trusted-host
lock: tools
	$(COMPILE) --build-deps-for editable --output-file requirements.lock pyproject.toml
	$(COMPILE) --build-deps-for editable --extra dev --output-file requirements-dev.lock pyproject.toml
	$(COMPILE) --output-file requirements-node.lock requirements-node.in
	$(COMPILE) --output-file requirements-redis.lock requirements-redis.in
	$(COMPILE) --output-file requirements-sdks.lock requirements-sdks.in

tools:
	@$(PYTHON) scripts/bootstrap.py --dev

# The providers' own clients, for tests/sdks.
sdks:
	@$(PYTHON) scripts/bootstrap.py --dev --sdks

browser:
	@$(PYTHON) scripts/browser.py
