#include "model/difficulty.h"

#include <math.h>

enum { LEAST_CODE_BYTES = 40, CODE_MARKS_IN = 16 }; /* code: at least one mark of code in so many bytes */

#define FEATURE(symbol, name, words) [DIFFICULTY_##symbol] = name,
static const char *const names[] = {DIFFICULTY_TABLE(FEATURE)};
#undef FEATURE
#define FEATURE(symbol, name, words) [DIFFICULTY_##symbol] = words,
static const char *const texts[] = {DIFFICULTY_TABLE(FEATURE)};
#undef FEATURE

const char *difficulty_feature_name(enum difficulty_feature f) {
    return (unsigned)f < DIFFICULTY_FEATURES ? names[f] : "unknown";
}

const char *difficulty_feature_words(enum difficulty_feature f) {
    return (unsigned)f < DIFFICULTY_FEATURES ? texts[f] : "unknown";
}

/* ---- text ---- */

struct text {
    uint64_t bytes; /* all of it; the rest is of what was looked at */
    unsigned looked_at, digits, questions, lines, words, word_bytes, marks;
    bool fence, in_word;
};

static void end_word(struct text *t) {
    t->words += t->in_word;
    t->in_word = false;
}

/* A string as it is written, without its quotes. */
static void look(struct text *t, struct slice s) {
    t->bytes += s.len;
    size_t most = DIFFICULTY_TEXT - t->looked_at;
    if (s.len > most) s.len = most;
    t->looked_at += (unsigned)s.len;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        if (c == '\\') {
            if (i + 1 < s.len && s.at[i + 1] == 'n') t->lines++;
            i++;
            end_word(t);
            continue;
        }
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (letter || c >= 0x80) {
            t->in_word = true;
            t->word_bytes++;
            continue;
        }
        end_word(t);
        if (c >= '0' && c <= '9') t->digits++;
        else if (c == '?') t->questions++;
        else if (c == '{' || c == '}' || c == ';' || c == '=' || c == '<' || c == '>' || c == '[' || c == ']' || c == '_') t->marks++;
        else if (c == '`' && i + 2 < s.len && s.at[i + 1] == '`' && s.at[i + 2] == '`') t->fence = true;
    }
    end_word(t);
}

static void look_at(struct text *t, const struct json_doc *d, uint32_t node) {
    struct slice raw = json_raw(d, node);
    if (json_type(d, node) == JSON_STRING) look(t, slice_make(raw.at + 1, raw.len - 2));
}

/* A text, or parts that have one. */
static void look_at_content(struct text *t, const struct json_doc *d, uint32_t content) {
    uint32_t cursor = JSON_NONE, part;
    look_at(t, d, content);
    if (json_type(d, content) != JSON_ARRAY) return;
    for (unsigned i = 0; i < DIFFICULTY_MESSAGES && json_each_item(d, content, &cursor, &part); i++)
        look_at(t, d, json_get(d, part, "text"));
}

/* ---- history ---- */

static bool is_users(const struct json_doc *d, uint32_t item) { return json_is(d, json_get(d, item, "role"), "user"); }

/* The user's messages; *ret_last is the last of them. A ring holds the end of a history that is too long to be read. */
static unsigned count_turns(const struct json_doc *d, uint32_t list, uint32_t *ret_last) {
    uint32_t cursor = JSON_NONE, item, ring[DIFFICULTY_MESSAGES];
    unsigned n = 0, turns = 0;
    while (json_each_item(d, list, &cursor, &item)) ring[n++ % DIFFICULTY_MESSAGES] = item;
    unsigned first = n > DIFFICULTY_MESSAGES ? n - DIFFICULTY_MESSAGES : 0;
    for (unsigned i = n; i-- > first;) {
        if (!is_users(d, ring[i % DIFFICULTY_MESSAGES])) continue;
        if (turns++ == 0) *ret_last = ring[i % DIFFICULTY_MESSAGES];
    }
    return turns + (first + 1) / 2;
}

static bool is_given(const struct json_doc *d, const char *list) {
    return json_size(d, json_get(d, 0, list)) > 0;
}

static bool wants_json(const struct json_doc *d) {
    uint32_t format = json_get(d, 0, "response_format");
    if (format == JSON_NONE) format = json_get(d, json_get(d, 0, "text"), "format");
    uint32_t type = json_get(d, format, "type");
    return type != JSON_NONE && !json_is(d, type, "text");
}

static double steps(double n) { return log2(1 + n); }

void difficulty_read(const struct call *call, struct difficulty *ret) {
    const struct json_doc *d = &call->doc;
    struct text t = {.bytes = 0};
    uint32_t last = JSON_NONE;
    *ret = (struct difficulty){.input_chars = call->text_bytes, .has_images = call->n_images_total > 0};
    if (d->count == 0) return;
    if (call->messages_node != JSON_NONE) {
        ret->turns = count_turns(d, call->messages_node, &last);
        look_at_content(&t, d, json_get(d, last, "content"));
    } else {
        look_at(&t, d, json_get(d, 0, "input"));
        ret->turns = t.bytes > 0;
    }
    ret->has_tools = is_given(d, "tools") || is_given(d, "functions");
    ret->has_code = t.fence || (t.looked_at >= LEAST_CODE_BYTES && t.marks * CODE_MARKS_IN >= t.looked_at);
    double *x = ret->x, bytes = t.looked_at > 0 ? t.looked_at : 1;
    x[DIFFICULTY_LENGTH] = steps((double)call->text_bytes);
    x[DIFFICULTY_QUESTION] = steps((double)t.bytes);
    x[DIFFICULTY_SYSTEM] = steps((double)call->system_text.len);
    x[DIFFICULTY_TURNS] = steps(ret->turns > 0 ? ret->turns - 1 : 0);
    x[DIFFICULTY_CODE] = ret->has_code;
    x[DIFFICULTY_NUMBERS] = sqrt(t.digits / bytes);
    x[DIFFICULTY_QUESTIONS] = steps(t.questions);
    x[DIFFICULTY_LINES] = steps(t.lines);
    x[DIFFICULTY_WORDS] = t.words > 0 ? (double)t.word_bytes / t.words : 0;
    x[DIFFICULTY_TOOLS] = ret->has_tools;
    x[DIFFICULTY_IMAGES] = steps(call->n_images_total);
    x[DIFFICULTY_FORMAT] = wants_json(d);
}

/* ---- the model ---- */

double difficulty_good_enough(const struct difficulty_weights *w, const struct difficulty *d) {
    double z = w->intercept;
    for (unsigned i = 0; i < DIFFICULTY_FEATURES; i++) z += w->weight[i] * (d->x[i] - w->mean[i]) / w->scale[i];
    return z >= 0 ? 1 / (1 + exp(-z)) : exp(z) / (1 + exp(z));
}

void difficulty_write_json(const struct difficulty_weights *w, struct json_writer *out) {
    json_object(out);
    json_member_double(out, "intercept", w->intercept);
    json_member_double(out, "threshold", w->threshold);
    json_key(out, "features");
    json_array(out);
    for (unsigned i = 0; i < DIFFICULTY_FEATURES; i++) {
        json_object(out);
        json_member_text(out, "name", names[i]);
        json_member_text(out, "words", texts[i]);
        json_member_double(out, "weight", w->weight[i]);
        json_member_double(out, "mean", w->mean[i]);
        json_member_double(out, "scale", w->scale[i]);
        json_object_end(out);
    }
    json_array_end(out);
    json_object_end(out);
}

static bool read_number(const struct json_doc *d, uint32_t node, const char *key, double *ret) {
    return json_get_double(d, json_get(d, node, key), ret) && isfinite(*ret);
}

static bool read_feature(const struct json_doc *d, uint32_t node, struct difficulty_weights *w) {
    uint32_t name = json_get(d, node, "name");
    for (unsigned i = 0; i < DIFFICULTY_FEATURES; i++)
        if (json_is(d, name, names[i]))
            return read_number(d, node, "weight", &w->weight[i]) && read_number(d, node, "mean", &w->mean[i]) &&
                   read_number(d, node, "scale", &w->scale[i]) && w->scale[i] > 0;
    return false;
}

bool difficulty_read_json(const struct json_doc *d, uint32_t node, struct difficulty_weights *ret) {
    struct difficulty_weights w = {.intercept = 0};
    uint32_t cursor = JSON_NONE, item;
    for (unsigned i = 0; i < DIFFICULTY_FEATURES; i++) w.scale[i] = 1;
    if (!read_number(d, node, "intercept", &w.intercept) || !read_number(d, node, "threshold", &w.threshold)) return false;
    while (json_each_item(d, json_get(d, node, "features"), &cursor, &item))
        if (!read_feature(d, item, &w)) return false;
    *ret = w;
    return true;
}
