# Every target works as the first command ever typed: it makes .venv and installs the locked packages when it has to.
#   make book PROFILE=laptop      another profile          make book PYTHON=python3.12      another Python
PROFILE ?= nano
JOBS ?= 2
PYTHON ?=
APP ?= picture

VENV := .venv
PY := $(VENV)/bin/python
COURSE := $(PY) -m helpers.cli
READY := $(VENV)/.ready
BEGAN := $(shell date +%s)
TOOK = $$(( ($$(date +%s) - $(BEGAN)) / 60 )) min $$(( ($$(date +%s) - $(BEGAN)) % 60 )) s

.PHONY: help book test lint lab app models bench lock clean
.DEFAULT_GOAL := help

help: ## say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /make \1|/' | awk -F'|' '{printf "  %-12s %s\n", $$1, $$2}'

book: $(READY) ## execute every notebook and build the book
	@$(COURSE) run --profile $(PROFILE) --jobs $(JOBS)
	@$(COURSE) book
	@echo "Done in $(TOOK). Open _build/html/index.html in a browser."

test: $(READY) lint ## what CI runs: lint, notebooks, book, then every test
	@$(COURSE) run --jobs $(JOBS)
	@$(COURSE) book
	@echo "Set-up, notebooks and book took $(TOOK): _build/executed, _build/html. Now the tests."
	@$(PY) -m pytest

lint: $(READY) ## ruff, and notebooks without outputs
	@$(PY) -m ruff check --quiet .
	@$(PY) -m nbstripout --keep-id --verify notebooks/*/*.ipynb \
	  || { echo "Take the outputs out: $(PY) -m nbstripout --keep-id notebooks/*/*.ipynb"; exit 1; }
	@echo "Lint: nothing to mend."

lab: $(READY) ## open the notebooks in JupyterLab
	@$(COURSE) lab

app: $(READY) ## a small web app for pictures of your own; make app APP=chat: talk to the reasoning models
	@$(COURSE) app $(APP)

models: $(READY) ## measure whether the nano checkpoints are what their cards say
	@$(COURSE) models check

bench: $(READY) ## measure what the benchmark engine itself costs
	@$(PY) -m helpers.bench.overhead

lock: ## resolve requirements.lock anew from pyproject.toml (needs uv)
	@uv pip compile pyproject.toml --extra test --universal --python-version 3.11 --no-header --no-annotate --quiet \
	  > .lock.partial || { rm .lock.partial; exit 1; }
	@sed -i.raw -E -e "/^(nvidia|cuda|triton)/d" -e "/ == 'emscripten'$$/d" -e "s/ ; python_full_version < '3.15'$$//" .lock.partial
	@{ grep '^#' requirements.lock; cat .lock.partial; } > .lock.new && mv .lock.new requirements.lock && rm .lock.partial*

clean: ## remove what was built (not .venv, not the state of trainings)
	@rm -rf _build/executed _build/failed _build/logs _build/tmp _build/src _build/sphinx _build/html _build/npm
	@echo "Removed what was built below _build."

$(READY): requirements.lock pyproject.toml
	@test -x $(PY) || { \
	  for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python); do \
	    $$python -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && break; \
	    python=; \
	  done; \
	  test -n "$$python" || { echo "No Python 3.11, 3.12 or 3.13 with venv was found. Install one (on Debian and Ubuntu also python3-venv), or name another: make $(MAKECMDGOALS) PYTHON=…"; exit 1; }; \
	  echo "Making $(VENV) with $$($$python --version) …"; $$python -m venv $(VENV); }
	@echo "Installing the packages of requirements.lock (some minutes, once) …"
	@$(PY) -m pip install -qq --disable-pip-version-check -r requirements.lock
	@$(PY) -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(PY) -m pip check -qq || $(PY) -m pip check
	@touch $@
	@echo "Installed in $(TOOK)."
