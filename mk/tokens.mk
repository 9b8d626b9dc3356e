# The tables of token counting: npm's gpt-tokenizer (pinned by mk/npm/package-lock.json) is fetched into build/npm,
# and scripts/gen_ranks makes one file of its ranks, which goes into the binary. Both lie in build/ whatever BUILD is:
# every kind of build embeds the same bytes. Where npm cannot fetch: make NPM_MODULES=/folder/with/gpt-tokenizer
RANKS := build/tokens/ranks.bin
RANKS_OBJ := $(BUILD)/gen/$(RANKS).o

$(BUILD)/libquarterdeck.a: $(RANKS_OBJ)

$(RANKS_OBJ): $(RANKS) scripts/gen_embed
	@mkdir -p $(@D); echo "  EMBED $<"; scripts/gen_embed $< >$(@:.o=.s); $(CC) -c -o $@ $(@:.o=.s)

$(RANKS): scripts/gen_ranks $(NPM_MODULES)/gpt-tokenizer/package.json
	@mkdir -p $(@D); echo "  RANKS $@"; node scripts/gen_ranks $(NPM_MODULES) $@

# into a folder of its own first: two builds at once each bring a whole one
build/npm/node_modules/gpt-tokenizer/package.json: mk/npm/package.json mk/npm/package-lock.json
	@command -v node >/dev/null && command -v npm >/dev/null || { \
	  echo "the token tables need node and npm: apt-get install nodejs npm, or ./dev build" >&2; exit 1; }
	@echo "  NPM  gpt-tokenizer"; new=build/npm.$$$$; rm -rf $$new; mkdir -p $$new && cp mk/npm/*.json $$new/ && \
	(cd $$new && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >npm.log 2>&1) || { \
	  cat $$new/npm.log >&2; rm -rf $$new; \
	  echo "npm could not fetch gpt-tokenizer; with a copy of it: make NPM_MODULES=/folder/with/gpt-tokenizer" >&2; exit 1; }; \
	touch $$new/node_modules/gpt-tokenizer/package.json; rm -rf build/npm; mv -T $$new build/npm || rm -rf $$new
