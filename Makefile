# make                 set up, run every stage that is out of date, print a summary
# make PRESET=tuned    the same with another preset (paper, tuned, demo, or a TOML file); it stays in force until another is named
# make 03              one stage and what it needs
# make scan            scan the space of designs (stage 07, hours), with the preset in force
# make test            set up and run all tests
# make faults          break it on purpose, in every way, and count what survives (20 minutes on two cores)
# make lint            style checks
# make report          print the results
# make benchmarks      measure speed, side by side, on a machine that does nothing else (make benchmarks PRESET=paper)
# make clean           remove outputs
# make help            this text

STAGES  := 01_prepare_data 02_train_autoencoder 03_prune 04_quantize 05_convert_hls 06_synthesize

# Paths that make would read as something else are refused before anything runs.
UNUSABLE := \# % : ; ~ = * ? [ ] ( ) { } | & < > ! ' " ` \ $$
usable = $(if $(filter-out 1,$(words -$(2)-))$(strip $(foreach character,$(UNUSABLE),$(findstring $(character),$(2)))),\
    $(error $(1) is '$(2)', and make cannot use a path with a space or one of $(UNUSABLE)))

# One spelling of the outputs folder, however OUTPUTS_DIR spells it: no link, no final slash, relative in the checkout.
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

.PHONY: all scan report benchmarks test faults lint clean help FORCE $(foreach stage,$(STAGES),$(firstword $(subst _, ,$(stage))))
.NOTPARALLEL:

all: $(DRAWN)
	@$(PYTHON) -m common.report.summary $(STARTED)

# Each stage writes what it was made of, as compilers do with -MD: its script, the modules it imported, the files that
# these and it read; and the modules that only draw or print, after a change of which only its figures are made anew.
-include $(RUNS:run.json=dependencies.mk)

ifneq ($(PRESET),)
ifneq ($(PRESET),$(CURRENT))
$(OUTPUTS)/01_prepare_data/run.json: FORCE
endif
endif
$(FAILED): FORCE
$(OUTPUTS)/01_prepare_data/run.json: $(wildcard $(filter %.toml,$(or $(PRESET),$(CURRENT))))

define STAGE_RULE
$(OUTPUTS)/$(1)/run.json: $(1).py requirements.txt | $(VENV)/installed
	@echo "$(1): $$(if $$(wildcard $$@),$$(if $$(filter $$@,$$(FAILED)),its last run failed,out of date against $$(or $$(filter-out FORCE,$$?),the preset)),not yet made)"
	@$(PYTHON) $(1).py $(2)
# A stage that has just been computed has been drawn, too, after make looked: the shell looks again.
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

# Until a stage has run once, the order of the stages stands for what it reads.
$(OUTPUTS)/02_train_autoencoder/run.json: $(OUTPUTS)/01_prepare_data/run.json
$(OUTPUTS)/03_prune/run.json: $(OUTPUTS)/02_train_autoencoder/run.json
$(OUTPUTS)/04_quantize/run.json: $(OUTPUTS)/03_prune/run.json
$(OUTPUTS)/05_convert_hls/run.json: $(OUTPUTS)/04_quantize/run.json
$(OUTPUTS)/06_synthesize/run.json: $(OUTPUTS)/05_convert_hls/run.json

# It goes on where it stopped, so it is never up to date.
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

benchmarks: all
	@for name in preparation training throughput scaling scan "pipeline --preset $(or $(PRESET),demo)"; do \
	    $(PYTHON) -m benchmarks.$$name || exit 1; \
	done

# OUTPUTS_DIR may be any folder: one is deleted where a stage has finished in it, or where it is empty but for a lock.
clean:
	@if [ -z "$(if $(filter $(OUTPUTS)/%,$(CURDIR)/),,$(wildcard $(RUNS)))" ] && ls -A $(OUTPUTS) 2>/dev/null | grep -qvx .lock; then \
	    echo "$(OUTPUTS) is kept, since it holds no run.json of a stage, or this checkout; delete it by hand" >&2; exit 1; \
	fi
	rm -rf $(OUTPUTS)

help:
	@sed -n 's/^# \(make.*\)/\1/p' Makefile

# Where PYTHONSAFEPATH or -I takes a script's folder off Python's path, checkout.pth has put it there, relative to itself.
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
