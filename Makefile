# Everything a person or CI runs. Needs Python 3.10+, make and a package index; nothing else.
# Another interpreter: make demo PYTHON=python3.12

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
EXTRAS := oscar,redis,cli,testing
ARGS ?=
# Processes that run the tests side by side, each with databases of its own; 0: one after another.
# One more than a small machine has processors: much of the suite waits.
JOBS ?= 3
# A file for pytest's own exit code, which make would turn into its own (.ci/run)
ENDED ?=
# Other versions than the newest, in a new environment: make test DJANGO='~=4.2.0' WITH=mysqlclient
DJANGO ?=
WITH ?=
PYTHONS ?=
# Benchmarks at other sizes (make bench SIZES=10000,100000,1000000), or as what is expected from now on
SIZES ?=
RECORD ?=
# Themes of the admin, by the names of their modules (make themes THEMES=unfold)
THEMES ?= unfold jazzmin grappelli

.DEFAULT_GOAL := help
.PHONY: help demo sandbox test chaos coverage bench check lint types messages docs screenshots themes linkcheck \
	trial matrix build release format clean

help:  ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.sandbox-is-ready  ## A customer's journey through a real shop, end to end
	@echo "• demo"
	@$(BIN)/python -m sandbox_project.demo

sandbox: $(VENV)/.sandbox-is-ready  ## The same, and it keeps running
	@echo "• sandbox"
	@$(BIN)/python -m sandbox_project.demo --keep

test: $(VENV)/.dev-is-ready  ## The whole suite, on real PostgreSQL and Redis (ARGS="-k …", JOBS=…)
	@echo "• tests"
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS); code=$$?; \
		$(if $(ENDED),mkdir -p $(dir $(ENDED)) && echo $$code >$(ENDED);) exit $$code

chaos: $(VENV)/.dev-is-ready  ## Real processes, faults at random, and a judge (SEED=… or SEEDS="1 2", MINUTES=…)
	@echo "• chaos"
	@$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(SEEDS),--seeds $(SEEDS)) $(if $(MINUTES),--minutes $(MINUTES)) $(ARGS)

coverage: $(VENV)/.dev-is-ready  ## The same suite, and which branches it did not take (slower)
	@echo "• tests, with branch coverage"
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --cov --cov-report=term:skip-covered $(ARGS)

bench: $(VENV)/.dev-is-ready  ## Costs beside what they must be: a table, bench.json (SIZES=10000,100000 RECORD=1 ARGS=…)
	@echo "• benchmarks"
	@BENCH_SIZES=$(SIZES) RECORD=$(RECORD) \
		PACE_SECONDS=$${PACE_SECONDS:-5} PACE_IMPORT=$${PACE_IMPORT:-5000} \
		$(BIN)/python -m pytest tests/benchmarks -p no:randomly -q $(ARGS)

check: lint types  ## Lint and types

lint: $(VENV)/.dev-is-ready  ## Style and the direction of imports
	@echo "• lint"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: $(VENV)/.dev-is-ready  ## mypy --strict over the package
	@echo "• types"
	@$(BIN)/mypy

messages: $(VENV)/.dev-is-ready  ## Collect texts for translation, and compile (needs gettext)
	@cd esputnik_connector && ../$(BIN)/django-admin makemessages -v 0 -l en -l uk --no-obsolete --no-location
	@cd esputnik_connector && ../$(BIN)/django-admin compilemessages -v 0

docs: $(VENV)/.dev-is-ready  ## HTML in docs/_build
	@echo "• docs"
	@$(BIN)/python -m sphinx -W --keep-going -q docs docs/_build

screenshots: $(VENV)/.dev-is-ready  ## Pictures of the merchant's screens for the pages, in both languages
	@echo "• screenshots"
	@$(BIN)/python -m pytest tests/browser/screens.py -p no:randomly -q $(ARGS)

themes: $(VENV)/.dev-is-ready  ## The merchant's screens under other themes of the admin (THEMES="unfold …")
	@for theme in $(THEMES); do \
		echo "• theme: $$theme"; \
		$(PIP) install -qq --no-deps --upgrade --target .themes/$$theme django-$$theme || exit 1; \
		ADMIN_THEME=$$theme PYTHONPATH=.themes/$$theme $(BIN)/python -m pytest tests/browser/themes.py \
			--ds tests.theme_settings -p no:randomly -q $(ARGS) || exit 1; \
	done

linkcheck: docs  ## Every link and anchor of the pages; EXTERNAL=1 asks other hosts too
	@echo "• links"
	@$(BIN)/python -m tests.links docs/_build
	@$(if $(EXTERNAL),$(BIN)/python -m sphinx -b linkcheck -q docs docs/_build/linkcheck)

trial: $(VENV)/.dev-is-ready  ## The wheel in blank environments, by README's own words (PYTHONS=…)
	@echo "• trial"
	@$(BIN)/python -m tests.trial $(if $(PYTHONS),--python $(PYTHONS)) $(ARGS)

matrix: $(VENV)/.dev-is-ready  ## The suite on every Python that is installed (ARGS="tests/unit")
	@echo "• matrix"
	@$(BIN)/tox run $(if $(ARGS),-- $(ARGS))

build: $(VENV)/.dev-is-ready  ## Wheel and source distribution in dist/, checked
	@echo "• build"
	@rm -rf dist && mkdir dist
	@$(BIN)/python -c "from hatchling import build; [make('dist') for make in (build.build_sdist, build.build_wheel)]"
	@$(BIN)/python -m twine check --strict dist/*

release: build  ## The same, if TAG is the version of the code and the changelog has it
	@$(BIN)/python -m tests.release $(TAG)

format: $(VENV)/.dev-is-ready  ## Let ruff write
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean:  ## Remove the environment and everything that was made here
	@rm -rf $(VENV) .sandbox .themes .tox build dist docs/_build htmlcov .coverage*
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/.pip-is-ready:
	@echo "• virtual environment in $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "Python 3.10 or newer is needed: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { echo "No venv module: install python3-venv, or give another PYTHON=…" >&2; exit 1; }
	@$(PIP) install -qq -U 'pip>=25.1'
	@touch $@

$(VENV)/.sandbox-is-ready: pyproject.toml $(VENV)/.pip-is-ready
	@echo "• packages for the sandbox"
	@$(PIP) install -qq -e '.[$(EXTRAS)]' --group sandbox
	@touch $@

$(VENV)/.dev-is-ready: pyproject.toml $(VENV)/.pip-is-ready
	@echo "• packages for development"
	@$(PIP) install -qq -e '.[$(EXTRAS)]' --group dev $(if $(DJANGO),'Django$(DJANGO)') $(WITH)
	@touch $@ $(VENV)/.sandbox-is-ready
