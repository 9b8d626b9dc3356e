#include "cost/token_count.h"

/* After the name: ANY thing, or an END: nothing, or a separator before a variant or date. */
enum follows { ANY, END };

/* OpenAI's own list (tiktoken, model.py) and what came after it; the first that fits. */
static const struct {
    const char *name;
    enum follows follows;
    enum token_encoding encoding;
} models[] = {
    {"gpt-4o", ANY, TOKEN_O200K},
    {"gpt-4.1", ANY, TOKEN_O200K},
    {"gpt-4.5", ANY, TOKEN_O200K},
    {"gpt-5", ANY, TOKEN_O200K},
    {"o1", END, TOKEN_O200K},
    {"o3", END, TOKEN_O200K},
    {"o4", END, TOKEN_O200K},
    {"gpt-oss", ANY, TOKEN_O200K},
    {"chatgpt-4o", ANY, TOKEN_O200K},
    {"gpt-4", END, TOKEN_CL100K},
    {"gpt-3.5", ANY, TOKEN_CL100K},
    {"gpt-35", ANY, TOKEN_CL100K},
    {"text-embedding-3", ANY, TOKEN_CL100K},
    {"text-embedding-ada-002", ANY, TOKEN_CL100K},
};

const char *token_encoding_name(enum token_encoding e) {
    return e == TOKEN_O200K ? bpe_name(BPE_O200K) : e == TOKEN_CL100K ? bpe_name(BPE_CL100K) : "estimate";
}

static bool fits(struct slice model, const char *name, enum follows follows) {
    struct slice want = slice_of(name);
    if (model.len < want.len || !slice_eq_nocase(slice_make(model.at, want.len), want)) return false;
    return follows == ANY || model.len == want.len || strchr("-:@_", model.at[want.len]) != NULL;
}

enum token_encoding token_encoding_of(struct slice provider, struct slice model) {
    static const char *const others[] = {"anthropic", "gemini", "google", "mistral", "cohere"};
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++)
        if (slice_eq_nocase(provider, slice_of(others[i]))) return TOKEN_ESTIMATE;
    for (size_t i = model.len; i-- > 0;)
        if (model.at[i] == '/') {
            model = slice_make(model.at + i + 1, model.len - i - 1);
            break;
        }
    if (slice_starts(model, SLICE("ft:"))) model = slice_make(model.at + 3, model.len - 3);
    for (unsigned i = 0; i < sizeof models / sizeof models[0]; i++)
        if (fits(model, models[i].name, models[i].follows)) return models[i].encoding;
    return TOKEN_ESTIMATE;
}
