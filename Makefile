# make demo: environment + the main job.  make test: environment + tests, but those of make test-long.
# make docs: the site; make links asks the network.
# make fields: 200 random vector fields against a fine scan, into out/; it goes on where it was stopped.
VENV ?= .venv
BIN = $(VENV)/bin
OUT ?= out
PYTEST_FLAGS ?= -n 2

.PHONY: demo test test-long gpu gpu-bundle kills differential fuzz lint bench fields docs links clean

demo: $(VENV)/.base
	$(BIN)/hetbrian run demo --out $(OUT)/demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest -m "not long" $(PYTEST_FLAGS)

# what takes longest and rests on what the others test: before a release, and after a change of what a test is named after
test-long: $(VENV)/.dev
	$(BIN)/python -m pytest -m long $(PYTEST_FLAGS)

# all that uses a GPU, on this machine's: what is right, then how fast, into out/gpu
gpu: $(VENV)/.dev
	$(BIN)/hetbrian devices --check --minutes $(or $(MINUTES),15) --out $(OUT)/gpu

# the same on a bare machine without a network (Python 3.12, torch, nvcc, a C++ compiler): copy the folder, run its check
gpu-bundle: $(VENV)/.dev
	$(BIN)/python -m hetbrian._gpu.bundle $(OUT)/gpu-bundle

# 20 kill -9 and 20 Ctrl-C of each: a sweep, here and in processes, a build, saved files, a training, a report
kills: $(VENV)/.dev
	$(BIN)/python -m tests.kills --number $(or $(NUMBER),20) --seed $(or $(SEED),0)

# 10 000 models at random in Brian2, the plain and the fused torch cell; goes on where it was stopped
differential: $(VENV)/.dev
	$(BIN)/python -m tests.differential --models $(or $(MODELS),10000) --folder $(OUT)/differential

# 5000 malformed inputs to everything public, every file format and command; goes on where it was stopped
fuzz: $(VENV)/.dev
	$(BIN)/python -m tests.fuzz --inputs $(or $(INPUTS),5000) --folder $(OUT)/fuzz

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

fields: $(VENV)/.dev
	$(BIN)/python -m tests.analysis.random_fields --number 200 --out $(OUT)/random_fields.jsonl

docs: $(VENV)/.dev
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

links: docs
	$(BIN)/python -m sphinx -b linkcheck docs docs/_build/links

$(VENV)/.base: pyproject.toml find-python
	@python=$$(./find-python) && echo "environment: $$python -> $(VENV)" && "$$python" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.base
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) $(OUT) build dist docs/_build docs/api docs/tutorials
