# make lab     the notebooks, in JupyterLab          make test     every test, notebooks included
# make help    the rest. Needs Python 3.11 or newer; another one: make lab PYTHON=python3.12

PYTHON ?= python3
WORKERS ?= 2
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help lab dashboard test lint types format notebooks readme book ledger benchmark data clean
.DELETE_ON_ERROR:

help:
	@echo "make lab        open the notebooks in JupyterLab (ARGS=--port=9000 for another port)"
	@echo "make dashboard  a page for lectures: photo, sigma, rotations, cost, 3D, gradients"
	@echo "make test       unit tests, every notebook and the widgets in a browser (ARGS='-k camera' for some)"
	@echo "make lint       ruff: code and notebooks"
	@echo "make types      mypy"
	@echo "make format     let ruff put the code in order"
	@echo "make notebooks  build and run every notebook from notebooks/src"
	@echo "make readme     write what is generated in docs and data: tables, figures, commands"
	@echo "make book       all notebooks and pages as a site in build/book, which opens without kernel and network"
	@echo "make ledger     check every gradient by every route, and write the ledger"
	@echo "make benchmark  measure speed on this machine"
	@echo "make data       the commands that make each embedded data file"
	@echo "make clean      remove the environment and the caches"
	@echo "The first call sets up .venv with the tested versions in constraints.txt. PYTHON=$(PYTHON)"

# The environment counts as ready only when its last step is done: without the stamp it is made afresh.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is not Python 3.11 or newer; name one that is: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
	  echo "$(PYTHON) cannot make an environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@if [ -e $@ ] && $(BIN)/python -c ''; then rm $@; else rm -rf .venv; $(PYTHON) -m venv .venv; fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,dev,solver]'
	@touch $@

# The interpreter that .venv was made with has gone: make it afresh.
ifeq ($(shell $(BIN)/python -c 'print(1)' 2>/dev/null),)
$(shell rm -f $(READY))
endif

lab: $(READY)
	@$(BIN)/python tools/lab.py $(ARGS)

dashboard: $(READY)
	JUPYTER_CONFIG_PATH=tools/jupyter $(BIN)/python -m voila docs/dashboard.ipynb $(ARGS)

# One thread a worker: the workers share the cores. A notebook stays whole on one worker (loadfile).
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile \
	  --nbval --nbval-current-env --nbval-cell-timeout=180 $(ARGS)

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(READY)
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

notebooks: $(READY)
	$(BIN)/python tools/build_notebooks.py

readme: $(READY)
	$(BIN)/cog -r -I tools data/README.md data/network.md docs/claims.md docs/equations.md docs/measured.md docs/reading.md

book: $(READY)
	$(BIN)/python tools/book.py

ledger: $(READY)
	$(BIN)/python -m lifting.checking.ledger

benchmark: $(READY)
	@for script in benchmarks/*.py; do echo "$$script"; $(BIN)/python "$$script" || exit 1; done

data:
	@sed -n '/^```sh$$/,/^```$$/{/^```/!p;}' data/README.md

clean:
	rm -rf .venv build .pytest_cache .hypothesis .mypy_cache .ruff_cache
