/* What to type. Labels are the clients', so they are quoted for YAML or for the shell. */
#include "base/buffer.h"
#include "cost/review_private.h"

enum { TEXT = 8 << 10 };

static bool is_plain(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                    c == '_' || c == '.' || c == '/';
        if (!word) return false;
    }
    return s.len > 0;
}

static void put_yaml(struct buffer *out, struct slice s) {
    bool plain = is_plain(s);
    if (!plain) buffer_byte(out, '"');
    if (plain) buffer_append(out, s);
    else json_escape(out, s);
    if (!plain) buffer_byte(out, '"');
}

static void put_option(struct buffer *out, const char *option, struct slice s) {
    if (slice_is_null(s)) return;
    buffer_printf(out, " %s ", option);
    if (is_plain(s)) {
        buffer_append(out, s);
        return;
    }
    buffer_byte(out, '\'');
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] == '\'') buffer_append(out, SLICE("'\\''"));
        else buffer_byte(out, s.at[i]);
    buffer_byte(out, '\'');
}

/* "applications: {support: {request_types: {summary: {SETTING}}}}" */
struct slice review_setting(struct review_build *b, const struct review_action *a, const char *text) {
    struct buffer out;
    buffer_init(&out, TEXT);
    buffer_append(&out, SLICE("applications: {"));
    put_yaml(&out, a->application);
    buffer_append(&out, SLICE(": {"));
    if (!slice_is_null(a->request_type)) {
        buffer_append(&out, SLICE("request_types: {"));
        put_yaml(&out, a->request_type);
        buffer_printf(&out, ": {%s}}}}", text);
    } else {
        buffer_printf(&out, "%s}}", text);
    }
    struct slice ret = arena_slice(b->arena, buffer_slice(&out));
    buffer_deinit(&out);
    return ret;
}

struct slice review_command(struct review_build *b, const struct review_action *a, const char *verb,
                            const char *more) {
    struct buffer out;
    buffer_init(&out, TEXT);
    buffer_append(&out, slice_of(verb));
    put_option(&out, "--application", a->application);
    put_option(&out, "--request-type", a->request_type);
    put_option(&out, "--provider", a->provider);
    buffer_append(&out, slice_of(more));
    struct slice ret = arena_slice(b->arena, buffer_slice(&out));
    buffer_deinit(&out);
    return ret;
}

struct slice review_second_model(struct review_build *b, const char *route, const struct target *t) {
    struct buffer out;
    buffer_init(&out, TEXT);
    buffer_append(&out, SLICE("models: {"));
    put_yaml(&out, arena_printf(b->arena, "%s-cheaper", route));
    buffer_append(&out, SLICE(": {targets: [{provider: "));
    put_yaml(&out, slice_of(t->provider->name));
    buffer_append(&out, SLICE(", model: "));
    put_yaml(&out, slice_of(t->model));
    buffer_append(&out, SLICE("}]}}, and this request type asks for it"));
    struct slice ret = arena_slice(b->arena, buffer_slice(&out));
    buffer_deinit(&out);
    return ret;
}

struct slice review_capture(struct review_build *b, const struct review_row *row) {
    struct review_action a = {.application = row->names[SPEND_BY_APPLICATION]};
    return review_setting(b, &a, "payloads: {capture: full}");
}
