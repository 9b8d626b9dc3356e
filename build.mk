# Files that go into the binary. EMBED may be added to by other makefiles before this one is read
# (mk/*.mk); each file becomes an object of the library, and all of them are rows of embedded_files[]
# (scripts/gen_embed --table), which only those who link it pay for.
EMBED := data/prices.json $(EMBED)
EMBED_OBJ := $(EMBED:%=$(BUILD)/gen/embed/%.o) $(BUILD)/gen/embed/table.o

$(BUILD)/libquarterdeck.a: $(EMBED_OBJ)

$(EMBED:%=$(BUILD)/gen/embed/%.o): $(BUILD)/gen/embed/%.o: % scripts/gen_embed
	@mkdir -p $(@D); echo "  EMBED $<"; scripts/gen_embed $< > $(@:.o=.s); $(CC) -c -o $@ $(@:.o=.s)

$(BUILD)/gen/embed/table.o: scripts/gen_embed build.mk $(EMBED)
	@mkdir -p $(@D); scripts/gen_embed --table $(EMBED) > $(@:.o=.c); $(CC) $(CFLAGS) -c -o $@ $(@:.o=.c)
