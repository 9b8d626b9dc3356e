/* A status page: whatever strangers send, what is kept is bounded, one line each, well-formed, and addresses are http(s). */
#include "fuzz.h"
#include "incident/vendor_status.h"

static void is_shown(struct slice s) {
    MUST(s.len <= 400);
    MUST(slice_is_utf8(s));
    for (size_t i = 0; i < s.len; i++) MUST((unsigned char)s.at[i] >= 0x20 && s.at[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena;
    struct vendor_status s = {.n_incidents = 0};
    struct error error = {.fault = FAULT_NONE};
    arena_init(&arena, 64 << 10, FUZZ_ARENA);
    if (size <= 200000 && vendor_status_read(fuzz_text(data, size), 1795300000000000LL, &arena, &s, &error) == FAULT_NONE) {
        is_shown(s.words);
        MUST(s.n_incidents <= 50);
        for (unsigned i = 0; i < s.n_incidents; i++) {
            const struct vendor_incident *x = &s.incidents[i];
            is_shown(x->id);
            is_shown(x->name);
            is_shown(x->status);
            is_shown(x->url);
            MUST(slice_is_null(x->url) || slice_starts(x->url, SLICE("http")));
            MUST(i == 0 || s.incidents[i - 1].updated_us >= x->updated_us);
            MUST(vendor_indicator_name(x->impact) != NULL);
        }
    }
    arena_deinit(&arena);
    return 0;
}
