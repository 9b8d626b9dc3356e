#include "incident/notice_parts.h"

#include "base/clock.h"
#include "base/utf8.h"

/* ---- labels ---- */

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

static struct slice label_name(struct slice name, struct arena *arena) {
    bool digit_first = name.len > 0 && name.at[0] >= '0' && name.at[0] <= '9';
    struct slice copy = arena_printf(arena, "%s" SLICE_FMT, digit_first ? "_" : "", SLICE_ARG(name));
    if (slice_is_null(copy)) return SLICE_NULL;
    char *at = (char *)(uintptr_t)copy.at; /* the arena's own */
    for (size_t i = 0; i < copy.len; i++)
        if (!is_letter(at[i]) && !(at[i] >= '0' && at[i] <= '9')) at[i] = '_';
    return copy;
}

static void add(struct notice_labels *l, struct slice name, struct slice value) {
    if (l->n == NOTICE_LABELS || name.len == 0 || value.len == 0) return;
    for (unsigned i = 0; i < l->n; i++)
        if (slice_eq(l->all[i].name, name)) return;
    l->all[l->n++] = (struct alert_label){name, value};
}

void notice_labels_of(struct slice json, struct arena *arena, struct notice_labels *ret) {
    struct json_doc d;
    uint32_t key, value, at = JSON_NONE;
    ret->n = 0;
    if (json.len == 0 || json_read(json, arena, UINT16_MAX, &d, NULL) != FAULT_NONE || json_type(&d, 0) != JSON_OBJECT) return;
    while (json_each_member(&d, 0, &at, &key, &value))
        add(ret, label_name(json_string(&d, key, arena), arena), json_string(&d, value, arena));
}

void notice_alert_labels(const struct notice_making *m, const struct noticed_alert *a, struct notice_labels *ret) {
    notice_labels_of(a->labels, m->arena, ret);
    if (ret->n > NOTICE_LABELS - 2) ret->n = NOTICE_LABELS - 2;
    add(ret, SLICE("alertname"), a->rule);
    add(ret, SLICE("severity"), slice_of(alert_severity_name(a->severity)));
}

struct slice notice_label(const struct notice_labels *l, const char *name) {
    for (unsigned i = 0; i < l->n; i++)
        if (slice_is(l->all[i].name, name)) return l->all[i].value;
    return SLICE_NULL;
}

/* ---- words ---- */

bool notice_is_over(const struct noticed_alert *a) { return a->state == ALERT_RESOLVED || a->state == ALERT_INACTIVE; }

struct slice notice_summary(const struct noticed_alert *a) {
    if (a->summary.len > 0) return a->summary;
    return a->rule.len > 0 ? a->rule : SLICE("an alert");
}

struct slice notice_alert_url(const struct notice_making *m, const struct noticed_alert *a) {
    if (a->alert == 0) return m->external_url;
    return arena_printf(m->arena, SLICE_FMT "/api/v1/alerts/%lld", SLICE_ARG(m->external_url), (long long)a->alert);
}

struct slice notice_time(const struct notice_making *m, int64_t us) {
    char text[CLOCK_TEXT];
    if (us == 0) return SLICE("0001-01-01T00:00:00Z");
    clock_format(us, text);
    return arena_slice(m->arena, slice_of(text));
}

struct slice notice_title(const struct notice_making *m) {
    const struct noticed_alert *first = &m->n->alerts[0];
    int64_t more = (int64_t)m->n->n - 1 + m->n->left_out;
    struct slice summary = notice_line(m->arena, notice_summary(first), 300), rule = notice_line(m->arena, first->rule, 100);
    struct slice rest = more > 0 ? arena_printf(m->arena, " (and %lld more)", (long long)more) : SLICE("");
    return arena_printf(m->arena, "[" SLICE_FMT "] " SLICE_FMT "%s" SLICE_FMT SLICE_FMT, SLICE_ARG(m->n->status), SLICE_ARG(rule),
                        rule.len > 0 ? ": " : "", SLICE_ARG(summary), SLICE_ARG(rest));
}

/* Control characters of either set, and what moves or hides the text beside it. */
static bool is_control(const unsigned char *s, int size) {
    if (size == 1) return s[0] < 0x20 || s[0] == 0x7F;
    if (size == 2) return s[0] == 0xC2 && s[1] < 0xA0;
    if (size != 3 || s[0] != 0xE2) return false;
    return (s[1] == 0x80 && (s[2] == 0xA8 || s[2] == 0xA9 || (s[2] >= 0xAA && s[2] <= 0xAE))) || (s[1] == 0x81 && s[2] >= 0xA6 && s[2] <= 0xA9);
}

struct slice notice_line(struct arena *arena, struct slice text, size_t most) {
    struct buffer out;
    size_t characters = 0, at = 0;
    buffer_init(&out, 4 * most + 8);
    for (; at < text.len && characters < most; characters++) {
        int size = utf8_next(text.at + at, text.len - at);
        if (size < 0) (void)buffer_append(&out, SLICE("\xEF\xBF\xBD"));
        else if (is_control((const unsigned char *)text.at + at, size)) (void)buffer_byte(&out, ' ');
        else (void)buffer_append(&out, slice_make(text.at + at, (size_t)size));
        at += (size_t)(size < 0 ? -size : size);
    }
    struct slice line = arena_slice(arena, buffer_slice(&out));
    if (at < text.len) { /* the last one makes room */
        while (line.len > 0 && ((unsigned char)line.at[line.len - 1] & 0xC0) == 0x80) line.len--;
        if (line.len > 0) line.len--;
        line = arena_printf(arena, SLICE_FMT "…", SLICE_ARG(line));
    }
    buffer_deinit(&out);
    return slice_is_null(line) ? SLICE("") : line;
}
