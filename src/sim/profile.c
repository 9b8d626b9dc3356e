#include "sim/profile.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
    const char *asked, *resolved;
} versions[] = {
    {"gpt-4o", "gpt-4o-2024-08-06"},
    {"gpt-4o-mini", "gpt-4o-mini-2024-07-18"},
    {"gpt-4.1", "gpt-4.1-2025-04-14"},
    {"gpt-4.1-mini", "gpt-4.1-mini-2025-04-14"},
    {"gpt-4.1-nano", "gpt-4.1-nano-2025-04-14"},
    {"gpt-5", "gpt-5-2025-08-07"},
    {"gpt-5-mini", "gpt-5-mini-2025-08-07"},
    {"gpt-5-nano", "gpt-5-nano-2025-08-07"},
    {"o3-mini", "o3-mini-2025-01-31"},
    {"o4-mini", "o4-mini-2025-04-16"},
    {"claude-3-5-haiku-latest", "claude-3-5-haiku-20241022"},
    {"claude-sonnet-4-0", "claude-sonnet-4-20250514"},
    {"claude-opus-4-1", "claude-opus-4-1-20250805"},
    {"claude-sonnet-4-5", "claude-sonnet-4-5-20250929"},
    {"claude-haiku-4-5", "claude-haiku-4-5-20251001"},
    {"text-embedding-3-small", "text-embedding-3-small"},
    {"text-embedding-3-large", "text-embedding-3-large"},
};

void profile_init(struct profile *p) {
    *p = (struct profile){
        .pattern = SLICE("*"),
        .first_token = {350e3, 0.35},
        .per_token = {18e3, 0.25},
        .output = {80, 0.5},
    };
}

struct slice profile_version(struct slice model) {
    for (size_t i = 0; i < COUNT(versions); i++)
        if (slice_is(model, versions[i].asked)) return slice_of(versions[i].resolved);
    return model;
}

const char *profile_model(unsigned i) {
    return i < COUNT(versions) ? versions[i].asked : NULL;
}

/* Greedy with one point to come back to: linear for one star, quadratic at worst. */
bool profile_matches(struct slice pattern, struct slice text) {
    size_t p = 0, t = 0, star = SIZE_MAX, resume = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.at[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.len && pattern.at[p] == text.at[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.at[p] == '*') p++;
    return p == pattern.len;
}
