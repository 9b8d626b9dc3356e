# Quarterdeck. `make` builds build/quarterdeck; ./dev wraps this with installing what is missing.
#   make                 release build          make unit [T=base_json]   unit tests (all, or one file's)
#   make SAN=address,undefined | SAN=thread     sanitizers, in a build folder of their own
#   make fuzz            fuzz targets (clang)   make check   layers, banned calls, sizes
#   make tidy cppcheck   static analysis        make bench-tools   what ./dev bench measures with
SAN ?=
BUILD ?= build$(if $(SAN),/$(firstword $(subst $(comma), ,$(SAN))))
comma := ,
ifeq ($(origin CC),default)
CC := gcc
endif

PKGS := libmicrohttpd libcurl libfyaml libpcre2-8 libsodium libxxhash libzstd sqlite3
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS))
PKG_LIBS := $(shell pkg-config --libs $(PKGS))

VERSION := $(shell cat VERSION 2>/dev/null || echo 0.1.0)
WARN := -Wall -Wextra -Werror -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
        -Wwrite-strings -Wformat=2 -Wno-missing-field-initializers
HARDEN := -fstack-protector-strong -fPIE -fno-plt
OPT := -O2 -g
ifneq ($(SAN),)
OPT := -O1 -g -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
else
HARDEN += -D_FORTIFY_SOURCE=2
endif
CFLAGS := -std=c11 -D_GNU_SOURCE -Isrc -I$(BUILD)/gen $(WARN) $(HARDEN) $(OPT) -DVERSION='"$(VERSION)"' $(PKG_CFLAGS) $(EXTRA_CFLAGS)
LDFLAGS := -pie -Wl,-z,relro,-z,now $(if $(SAN),-fsanitize=$(SAN))
LDLIBS := $(PKG_LIBS) -lm -lpthread

SRC := $(wildcard src/*/*.c)
MAIN := $(wildcard src/*.c)
LIB_OBJ := $(SRC:%.c=$(BUILD)/%.o)
MAIN_OBJ := $(MAIN:%.c=$(BUILD)/%.o)
UNIT := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(UNIT:tests/unit/%.c=$(BUILD)/unit/%)

# what the build reads from npm (mk/tokens.mk fetches it)
NPM_MODULES ?= build/npm/node_modules

# what was built with other flags is built again
FLAGS := $(CC) $(CFLAGS)
ifneq ($(FLAGS),$(file <$(BUILD)/flags))
$(shell mkdir -p $(BUILD))
$(file >$(BUILD)/flags,$(FLAGS))
endif

.PHONY: all unit unit-build clean
all: $(BUILD)/quarterdeck

$(BUILD)/quarterdeck: $(MAIN_OBJ) $(BUILD)/libquarterdeck.a
	@echo "  LINK $@"; $(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# objects are linked as an archive, so that a unit test needs only what it calls
$(BUILD)/libquarterdeck.a: $(LIB_OBJ)
	@rm -f $@; ar rcs $@ $^

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D); echo "  CC   $<"; $(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/libquarterdeck.a
	@mkdir -p $(@D); echo "  CC   $<"; $(CC) $(CFLAGS) -Itests/unit -MMD -MP $(LDFLAGS) -o $@ $< $(BUILD)/libquarterdeck.a $(LDLIBS) -lcmocka

# what connects the modules is not in the archive
$(BUILD)/unit/test_wire_%: tests/unit/test_wire_%.c $(MAIN_OBJ) $(BUILD)/libquarterdeck.a
	@mkdir -p $(@D); echo "  CC   $<"; $(CC) $(CFLAGS) -Itests/unit -MMD -MP $(LDFLAGS) -o $@ $< $(filter-out %/main.o,$(MAIN_OBJ)) $(BUILD)/libquarterdeck.a $(LDLIBS) -lcmocka

unit-build: $(UNIT_BIN)
unit: $(if $(T),$(BUILD)/unit/test_$(T),$(UNIT_BIN))
	@set -e; for t in $^; do echo "== $$(basename $$t)"; $$t; done

clean:
	rm -rf $(BUILD)

include $(wildcard mk/*.mk)
-include $(wildcard build.mk)
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
