# make                 set up, run every stage that is out of date, print a summary
# make PRESET=tuned    the same with another preset (paper, tuned, small, demo, or a TOML file); it stays in force until you name another
# make 03              run one stage and the stages that it needs
# make scan            search for better designs with the preset in force (stage 07, hours)
# make test            set up, run all tests
# make faults          inject every fault on purpose and count those that do no harm (20 minutes on two cores)
# make lint            check the style
# make report          write the results page again, print the results
# make docs            run what is out of date, record the run in docs/results/, write the tables and the picture of README and docs/
# make benchmarks      measure speed against alternatives, on an idle machine (make benchmarks PRESET=paper)
# make clean           delete the outputs folder
# make help            print this text

STAGES  := 01_prepare_data 02_train_autoencoder 03_prune 04_quantize 05_convert_hls 06_synthesize

# A path with a character that make would interpret is refused before anything runs.
UNUSABLE := \# % : ; ~ = * ? [ ] ( ) { } | & < > ! ' " ` \ $$
usable = $(if $(filter-out 1,$(words -$(2)-))$(strip $(foreach character,$(UNUSABLE),$(findstring $(character),$(2)))),\
    $(error $(1) is '$(2)', and make cannot use a path with a space or one of $(UNUSABLE)))

# The outputs folder in one spelling, whatever OUTPUTS_DIR says: links resolved, no final slash, relative inside the checkout.
OUTPUTS := $(shell realpath -m --relative-base=. -- '$(subst ','\'',$(or $(value OUTPUTS_DIR),outputs))')
$(call usable,OUTPUTS_DIR,$(OUTPUTS))
$(call usable,PRESET,$(value PRESET))

VENV    := .venv
PYTHON  := $(VENV)/bin/python
RUNS    := $(STAGES:%=$(OUTPUTS)/%/run.json)
DRAWN   := $(STAGES:%=$(OUTPUTS)/%/drawn)
STARTED := $(shell date +%s)
FAILED  := $(filter-out /dev/null,$(shell grep -L '^ "failures": \[\],' /dev/null $(wildcard $(RUNS))))
CURRENT := $(shell sed -n 's/^ "preset": "\(.*\)",/\1/p' $(OUTPUTS)/01_prepare_data/run.json 2>/dev/null)
DATA    := $(shell sed -n 's/^  "data": "\([A-Za-z0-9_./-]*\.npz\)",/\1/p' $(OUTPUTS)/01_prepare_data/run.json 2>/dev/null)

.PHONY: all scan report docs benchmarks test faults lint clean help FORCE $(foreach stage,$(STAGES),$(firstword $(subst _, ,$(stage))))
.NOTPARALLEL:

all: $(DRAWN)
	@$(PYTHON) -m common.report.summary $(STARTED)

# Each stage writes its dependencies, as compilers do with -MD: its script, the modules it imports, the files that these
# read. Modules that only draw or print are listed separately: a change in one of them only redraws figures.
-include $(RUNS:run.json=dependencies.mk)

ifneq ($(PRESET),)
ifneq ($(PRESET),$(CURRENT))
$(OUTPUTS)/01_prepare_data/run.json: FORCE
endif
endif
$(FAILED): FORCE
$(OUTPUTS)/01_prepare_data/run.json: $(wildcard $(filter %.toml,$(or $(PRESET),$(CURRENT))) $(DATA))

define STAGE_RULE
$(OUTPUTS)/$(1)/run.json: $(1).py requirements.txt | $(VENV)/installed
	@echo "$(1): $$(if $$(wildcard $$@),$$(if $$(filter $$@,$$(FAILED)),its last run failed,out of date against $$(or $$(filter-out FORCE,$$?),the preset)),not yet made)"
	@$(PYTHON) $(1).py $(2)
# A stage that has just run has also been drawn, but make looked before that. So the shell compares the times again.
$(OUTPUTS)/$(1)/drawn: | $(OUTPUTS)/$(1)/run.json
	@for module in $$?; do \
	    [ $$@ -nt $$$$module ] && continue; \
	    echo "$(1): figures out of date against $$?"; \
	    exec $(PYTHON) $(1).py --redraw; \
	done
$(firstword $(subst _, ,$(1))): $(OUTPUTS)/$(1)/drawn
endef
$(foreach stage,$(filter-out 01_%,$(STAGES)),$(eval $(call STAGE_RULE,$(stage),)))
$(eval $(call STAGE_RULE,01_prepare_data,--preset $(or $(PRESET),$(CURRENT),paper) --demo-if-unavailable))

# Before its first run a stage has no list of dependencies; it then depends on the stage before it.
$(OUTPUTS)/02_train_autoencoder/run.json: $(OUTPUTS)/01_prepare_data/run.json
$(OUTPUTS)/03_prune/run.json: $(OUTPUTS)/02_train_autoencoder/run.json
$(OUTPUTS)/04_quantize/run.json: $(OUTPUTS)/03_prune/run.json
$(OUTPUTS)/05_convert_hls/run.json: $(OUTPUTS)/04_quantize/run.json
$(OUTPUTS)/06_synthesize/run.json: $(OUTPUTS)/05_convert_hls/run.json

# A scan continues where it stopped, so it is never up to date.
scan: $(OUTPUTS)/01_prepare_data/run.json
	@$(PYTHON) 07_scan_designs.py

test: $(VENV)/installed-test
	$(PYTHON) -m pytest

faults: $(VENV)/installed-test
	$(PYTHON) -m pytest -m fault --dist worksteal --faults=$(OUTPUTS)/faults.json

lint: $(VENV)/installed-test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

report: | $(VENV)/installed
	@$(PYTHON) -m common.report

docs: all
	@$(PYTHON) -m common.report.docs

benchmarks: all
	@for name in preparation training throughput scaling synthesis scan "pipeline --preset $(or $(PRESET),demo)"; do \
	    $(PYTHON) -m benchmarks.$$name || exit 1; \
	done

# OUTPUTS_DIR may be any folder. It is deleted only if a stage has finished in it, or if it holds nothing but a lock.
clean:
	@if [ -z "$(if $(filter $(OUTPUTS)/%,$(CURDIR)/),,$(wildcard $(RUNS)))" ] && ls -A $(OUTPUTS) 2>/dev/null | grep -qvx .lock; then \
	    echo "$(OUTPUTS) is kept, since it holds no run.json of a stage, or this checkout; delete it by hand" >&2; exit 1; \
	fi
	rm -rf $(OUTPUTS)

help:
	@sed -n 's/^# \(make.*\)/\1/p' Makefile

# PYTHONSAFEPATH and -I remove the script's folder from Python's path; checkout.pth adds it again, as a relative path.
$(VENV)/installed: requirements.txt
	@command -v g++ >/dev/null || { echo "g++ is missing; install it (Debian, Ubuntu: apt install g++)" >&2; exit 1; }
	@for python in $${PYTHON_FOR_VENV:-python3.13 python3.12 python3.11 python3 python}; do \
	    if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then \
	        echo "setting up $(VENV) with $$python"; \
	        $$python -m venv $(VENV) || { echo "$$python cannot make a virtual environment; install its venv module (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }; \
	        exit 0; \
	    fi; \
	done; echo "Python 3.11, 3.12 or 3.13 is needed and none was found; install one, or name it: make PYTHON_FOR_VENV=..." >&2; exit 1
	@for packages in $(VENV)/lib/python*/site-packages; do echo ../../../.. > $$packages/checkout.pth; done
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/installed-test: $(VENV)/installed requirements-test.txt
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements-test.txt
	@touch $@
