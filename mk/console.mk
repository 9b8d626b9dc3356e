# The console: TypeScript of console/, bundled by esbuild into build/console, which goes into the binary. It lies there whatever
# BUILD is, as the token tables do. `make console-check` reads its types against the API's reference.
CONSOLE_FILES := build/console/index.html build/console/app.js build/console/app.css
CONSOLE_EMBED := $(CONSOLE_FILES) $(CONSOLE_FILES:%=%.gz)
EMBED += $(CONSOLE_EMBED)

build/console/names.h: $(shell find console -type f 2>/dev/null) $(NPM_MODULES)/gpt-tokenizer/package.json
	@mkdir -p $(@D); node console/build.mjs $(NPM_MODULES) $(@D)

$(CONSOLE_EMBED): build/console/names.h ;

.PHONY: console console-check
console: build/console/names.h
console-check: build/console/names.h
	@node console/gen_types.mjs docs/reference/api.md >build/console/types.ts && node $(NPM_MODULES)/typescript/bin/tsc -p console
