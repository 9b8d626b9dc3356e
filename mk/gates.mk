# The gates beside the compiler: rules of the house, static analysis, fuzzing.
.PHONY: check tidy cppcheck fuzz fuzz-smoke bench-tools

check:
	@failed=0; for c in layers sizes docs; do scripts/check_$$c --self-test && scripts/check_$$c || failed=1; done; exit $$failed

# clang-tidy keeps a stamp a file, so that only what changed (or includes what changed) is looked at again. Its path-sensitive
# analysis is nearly all of the time; a third of the default bound on its states takes a third of that time
TIDY_ANALYSIS := $(foreach word,-analyzer-config max-nodes=75000,--extra-arg=-Xclang --extra-arg=$(word))
TIDY := $(SRC:%=$(BUILD)/tidy/%.ok) $(MAIN:%=$(BUILD)/tidy/%.ok)
tidy: $(TIDY)
$(BUILD)/tidy/%.ok: % .clang-tidy $(wildcard src/*/*.h)
	@mkdir -p $(@D); echo "  TIDY $<"
	@clang-tidy --quiet $< $(TIDY_ANALYSIS) -- $(filter-out -fno-plt,$(CFLAGS)) >$@.log 2>&1 || { cat $@.log; exit 1; }
	@if grep -qE 'warning:|error:' $@.log; then cat $@.log; exit 1; fi; touch $@

# off: ctuuninitvar takes an out parameter for a read; identicalInnerCondition takes a second look-up for the first
cppcheck:
	@mkdir -p $(BUILD)/cppcheck
	@cppcheck -q -j$${JOBS:-$$(nproc)} --cppcheck-build-dir=$(BUILD)/cppcheck --std=c11 --enable=warning,performance \
	  --inline-suppr --suppress=ctuuninitvar --suppress=identicalInnerCondition --error-exitcode=1 -Isrc -I$(BUILD)/gen \
	  -DVERSION='"0"' $(MAIN) $(SRC)

# fuzz targets: clang, a build folder of their own, every object with coverage. pointer-overflow is left to gcc's UBSan: clang's
# also stops at NULL + 0, which an empty slice is
FUZZ := $(patsubst fuzz/%.c,%,$(wildcard fuzz/fuzz_*.c))
FUZZ_SECONDS ?= 10
fuzz:
	@+$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz CC=clang SAN=fuzzer-no-link,address,undefined \
	  EXTRA_CFLAGS='-Wno-error -Wno-unknown-warning-option -fno-sanitize=pointer-overflow' $(FUZZ:%=$(BUILD)/fuzz/bin/%)
$(BUILD)/bin/fuzz_%: fuzz/fuzz_%.c $(BUILD)/libquarterdeck.a
	@mkdir -p $(@D); echo "  FUZZ $<"
	@$(CC) $(CFLAGS) -MMD -MP -fsanitize=fuzzer,address,undefined -fno-sanitize=pointer-overflow -o $@ $< $(BUILD)/libquarterdeck.a $(LDLIBS)

# every committed seed, then a short run from them, as many at once as there are processors; a finding is left in build/fuzz/findings
fuzz-smoke: fuzz
	@mkdir -p $(BUILD)/fuzz/findings; printf '%s\n' $(FUZZ) | xargs -P $${JOBS:-$$(nproc)} -I{} sh -c '\
	  seeds=fuzz/seeds/{}; out=$(BUILD)/fuzz; mkdir -p $$out/corpus/{}; \
	  if [ -d $$seeds ] && $$out/bin/{} -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
	       -artifact_prefix=$$out/findings/{}- $$out/corpus/{} $$seeds >$$out/{}.log 2>&1; then \
	    echo "ok   {}: $$(ls $$seeds | wc -l) seeds, $$(sed -n "s/^stat::number_of_executed_units: *//p" $$out/{}.log) runs"; \
	  else echo "FAIL {}"; ls $$seeds >/dev/null; tail -n 30 $$out/{}.log; fi' >$(BUILD)/fuzz/smoke.log 2>&1; \
	cat $(BUILD)/fuzz/smoke.log; failed=$$(grep -c "^FAIL" $(BUILD)/fuzz/smoke.log); \
	echo "$$(grep -c "^ok " $(BUILD)/fuzz/smoke.log) passed, $$failed failed"; [ $$failed -eq 0 ]

BENCH_BIN := $(patsubst bench/%.c,$(BUILD)/bench/%,$(wildcard bench/*.c))
bench-tools: $(BENCH_BIN)
$(BUILD)/bench/%: bench/%.c $(BUILD)/libquarterdeck.a
	@mkdir -p $(@D); echo "  CC   $<"; $(CC) $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(BUILD)/libquarterdeck.a $(LDLIBS)
