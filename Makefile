# The front door. Building is Meson's, in build/; what the targets do stands in scripts/ and tests/.

BUILD   ?= build
PREFIX  ?= /usr/local
MESON    = meson
NINJA    = ninja

.DEFAULT_GOAL = all

.PHONY: help all demo test bench fuzz install clean format lint deps

help: ## list the targets
	@echo "culvert: IPsec through networks that block it"
	@echo
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | awk -F'\t' '{ printf "  make %-9s %s\n", $$1, $$2 }'
	@echo
	@echo "demo and test install what they need from Debian's packages, so they want root."

all: $(BUILD)/build.ninja ## build culvertd and culvert in build/
	$(NINJA) -C $(BUILD)

$(BUILD)/build.ninja:
	$(MESON) setup --prefix=$(PREFIX) $(BUILD)

deps:
	@scripts/install-deps build demo

demo: deps all ## a tunnel through a network that drops UDP, in namespaces of this machine
	scripts/demo --build $(BUILD)

test: ## every test that this machine can run; ends with "N passed, N failed, N skipped"
	@scripts/install-deps build demo test peers || [ $$? -eq 3 ]
	scripts/run-tests

bench: deps all ## culvert beside what a user would pick instead
	@scripts/install-deps bench || [ $$? -eq 3 ]
	tests/bench/run

fuzz: ## fuzz every parser until Ctrl-C (FUZZ_SECONDS=N: N seconds each)
	@scripts/install-deps build test
	scripts/fuzz $(if $(FUZZ_SECONDS),--seconds $(FUZZ_SECONDS))

install: all ## install under PREFIX (default /usr/local), honours DESTDIR
	$(MESON) install -C $(BUILD)

clean: ## remove everything that was built
	rm -rf build build-*

format: ## let clang-format lay out the sources
	clang-format -i $$(git ls-files 'src/*.[ch]' 'tests/*.[ch]')

lint: all ## layout, clang-tidy and the walls between the rooms
	scripts/lint $(BUILD)
