# Files that go into the binary: each becomes an object of the library with the symbols that scripts/gen_embed
# describes, and all of them are rows of embedded_files[], which only those who use it link. A makefile that
# is read before this one (mk/*.mk) may add to EMBED.
EMBED := data/prices.json data/checks/host.js data/checks/host.py data/change/defaults.yaml $(sort $(shell find examples/demo -type f 2>/dev/null)) $(EMBED)
EMBED_OBJ := $(EMBED:%=$(BUILD)/gen/embed/%.o)
EMBED_TABLE := $(BUILD)/gen/embed/table.o

$(BUILD)/libquarterdeck.a: $(EMBED_OBJ) $(EMBED_TABLE)

$(EMBED_OBJ): $(BUILD)/gen/embed/%.o: % scripts/gen_embed
	@mkdir -p $(@D); echo "  EMBED $<"; scripts/gen_embed $< >$(@:.o=.s); $(CC) -c -o $@ $(@:.o=.s)

$(EMBED_TABLE): $(EMBED) scripts/gen_embed $(MAKEFILE_LIST)
	@mkdir -p $(@D); scripts/gen_embed --table $(EMBED) >$(@:.o=.c); $(CC) $(CFLAGS) -c -o $@ $(@:.o=.c)
