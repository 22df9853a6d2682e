# `make help` lists what there is.
BUILD_PACKAGES = pkg-config libsimdjson-dev libxxhash-dev libyaml-dev libsqlite3-dev zlib1g-dev libzstd-dev librabbitmq-dev libmicrohttpd-dev
SWIFT ?= swift

.PHONY: help build test lint deps catalogue docs clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

deps:
	@deploy/scripts/install-packages.sh $(BUILD_PACKAGES) python3 rabbitmq-server prometheus curl

build: deps ## install what is missing and build the program: .build/release/sessionizer
	$(SWIFT) build -c release

test: deps ## install what is missing, check the format, build and run the tests
	$(MAKE) lint
	$(SWIFT) build --build-tests --explicit-target-dependency-import-check error
	$(SWIFT) test --skip-build

lint: ## the format and the documentation of public declarations
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests

catalogue: ## write the built-in copy of config/events.yaml anew
	deploy/scripts/embed-catalogue.sh

docs: catalogue build ## write the documents that are made from the program's own data anew
	.build/release/sessionizer catalogue > docs/events.md

clean: ## remove what was built
	rm -rf .build
