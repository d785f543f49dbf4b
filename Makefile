# The whole house, from a clean checkout. `make demo` needs Python >= 3.11 and nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CODE := bench cli flows projects simulation sixgates tasks tests
WORKERS ?= 2

.PHONY: reference install demo stack kill-matrix bench-gateway bench-watch bench-backtest bench-scale fuzz-gateway test check format lock clean

install: $(STAMP)  ## make the environment: .venv, with the sixgates command

# Everything is pinned and hashed in the lock, so pip resolves nothing (--no-deps).
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "sixgates needs Python 3.11 or newer: set PYTHON=python3.x" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: install  ## play the core scenarios against real servers, and write a report
	@$(BIN)/sixgates rehearse

stack: install  ## play two scenarios on every server of an installation; needs PostgreSQL and nginx
	@$(BIN)/sixgates rehearse healthy-drift canary-regression --stack

kill-matrix: install  ## kill everything at every moment that matters; prints how long it took
	@$(BIN)/sixgates rehearse kill-matrix

bench-gateway: install  ## measure the gateway against its bounds and its peers; needs wrk and a quiet machine
	@$(BIN)/python -m bench.gateway

bench-watch: install  ## measure watch and data gate against their bounds and their peers; needs a quiet machine
	@$(BIN)/python -m bench.watch

bench-backtest: install  ## play retraining policies on five real histories; needs them in ../shared/data
	@$(BIN)/python -m bench.backtest

bench-scale: install  ## measure several gateways on one PostgreSQL; needs PostgreSQL, nginx and root
	@$(BIN)/python -m bench.scale

# FUZZ="--seed 2 --json" is given on; FUZZ="--seed 2 --replay 17" shows one case and its answer.
fuzz-gateway: install  ## throw 100,000 malformed requests at a gateway; takes minutes
	@$(BIN)/python -m tests.gateway.fuzz $(FUZZ)

# WORKERS=0 runs all tests in one process.
test: check  ## format, lint, types, import contract, doctests, all tests
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder tests

check: install
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q --doctest-modules sixgates simulation

format: install
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

reference: install  ## write anew what of docs/reference the code itself knows
	$(BIN)/python -m cli.reference

# The second is what the image has: all extras, and nothing that only tests need.
LOCK := uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
	--no-strip-extras --python-version 3.11 --quiet

lock:  ## compile requirements.lock and requirements.runtime.lock anew; needs uv
	$(LOCK) pyproject.toml requirements.in -o requirements.lock
	echo 'hatchling' | $(LOCK) --all-extras -c requirements.lock pyproject.toml - -o requirements.runtime.lock

clean:
	rm -rf $(VENV) .sixgates rehearsals
