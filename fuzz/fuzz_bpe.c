/* Any bytes as a text: counted as when each broken sequence is a U+FFFD already, the same twice with one
 * work, never more tokens than bytes; and what is cut nowhere counts the same with a smaller work. */
#include "base/utf8.h"
#include "cost/bpe.h"
#include "fuzz.h"

enum { SHORTEST = 256 };

static struct buffer repaired(struct slice text) {
    struct buffer b;
    buffer_init(&b, text.len * 3 + 1);
    for (size_t at = 0; at < text.len;) {
        int n = utf8_next(text.at + at, text.len - at);
        MUST(buffer_append(&b, n < 0 ? SLICE("\xEF\xBF\xBD") : slice_make(text.at + at, (size_t)n)));
        at += (size_t)(n < 0 ? -n : n);
    }
    return b;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice text = fuzz_text(data, size);
    struct buffer b = repaired(text);
    struct bpe_work work, cut;
    bpe_work_init(&work, BPE_LONGEST_TOOL);
    bpe_work_init(&cut, SHORTEST);
    for (enum bpe_encoding e = 0; e < BPE_ENCODINGS; e++) {
        bool exact = true, cut_exact = true;
        uint64_t tokens = bpe_count(e, text, &work, &exact);
        MUST(exact && tokens <= b.len && (tokens > 0) == (size > 0));
        MUST(bpe_count(e, text, &work, &exact) == tokens);
        MUST(bpe_count(e, buffer_slice(&b), &work, &exact) == tokens);
        uint64_t parts = bpe_count(e, text, &cut, &cut_exact);
        MUST(cut_exact ? parts == tokens : b.len > SHORTEST);
    }
    bpe_work_deinit(&work);
    bpe_work_deinit(&cut);
    buffer_deinit(&b);
    return 0;
}
