#include "model/template.h"

#include "base/buffer.h"

static bool is_name(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool letter = (c | 32) >= 'a' && (c | 32) <= 'z',
             later = (c >= '0' && c <= '9') || c == '-' || c == '.';
        if (!letter && c != '_' && !(i > 0 && later)) return false;
    }
    return s.len > 0;
}

bool template_next(struct slice *rest, struct slice *ret_before, struct slice *ret_name) {
    const char *open = rest->len > 0 ? memmem(rest->at, rest->len, "{{", 2) : NULL;
    *ret_before = *rest;
    if (open == NULL) return false;
    *ret_before = slice_make(rest->at, (size_t)(open - rest->at));
    struct slice inside = slice_make(open + 2, rest->len - ret_before->len - 2);
    const char *close = inside.len > 0 ? memmem(inside.at, inside.len, "}}", 2) : NULL;
    size_t n = close != NULL ? (size_t)(close - inside.at) : inside.len;
    *ret_name = close != NULL ? slice_trim(slice_make(inside.at, n)) : SLICE_NULL;
    *rest = close != NULL ? slice_make(close + 2, inside.len - n - 2) : slice_make(inside.at + n, 0);
    return true;
}

bool template_check(struct slice text, bool *ret_any, struct error *error) {
    struct slice before, name;
    *ret_any = false;
    if (text.len > 1 && memmem(text.at, text.len, "{%", 2) != NULL &&
        memmem(text.at, text.len, "%}", 2) != NULL) {
        error_set(error, FAULT_CONFIG, "expected {{name}} as the only template syntax, found {%% ... %%}");
        return false;
    }
    while (template_next(&text, &before, &name)) {
        *ret_any = true;
        if (is_name(name)) continue;
        size_t n = name.len < 40 ? name.len : 40;
        while (n > 0 && n < name.len && ((unsigned char)name.at[n] & 0xC0) == 0x80) n--;
        error_set(error, FAULT_CONFIG, "expected the name of a variable within {{ }}, found `%.*s`", (int)n,
                  name.at ? name.at : "");
        return false;
    }
    return true;
}

bool template_has(struct slice text) {
    return text.len > 1 && memmem(text.at, text.len, "{{", 2) != NULL;
}

bool template_uses(struct slice text, struct slice name) {
    struct slice before, at;
    while (template_next(&text, &before, &at))
        if (slice_eq(at, name)) return true;
    return false;
}

struct slice template_fill(struct slice text, const struct template_var *vars, unsigned n_vars,
                           struct arena *arena, struct slice *ret_missing) {
    struct slice before, name, filled;
    struct buffer out;
    buffer_init(&out, arena->max);
    *ret_missing = SLICE_NULL;
    for (bool more = true; more;) {
        more = template_next(&text, &before, &name);
        buffer_append(&out, before);
        if (!more) break;
        unsigned i = 0;
        while (i < n_vars && !slice_eq(vars[i].name, name)) i++;
        if (i == n_vars) {
            buffer_deinit(&out);
            *ret_missing = name;
            return SLICE_NULL;
        }
        buffer_append(&out, vars[i].value);
    }
    filled = out.overflow ? SLICE_NULL : arena_slice(arena, slice_make(buffer_text(&out), out.len));
    buffer_deinit(&out);
    return filled;
}
