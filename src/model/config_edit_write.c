#include "model/config_edit_write.h"

#include "base/json.h"

enum { INDENT = 2, SHORT = 60 };

bool config_written_null(const struct yaml_node *node) {
    return node == NULL || (node->type == YAML_SCALAR && node->plain &&
                            (node->text.len == 0 || slice_is(node->text, "~") || slice_is(node->text, "null")));
}

static size_t digits(struct slice s, size_t at) {
    size_t n = 0;
    while (at + n < s.len && s.at[at + n] >= '0' && s.at[at + n] <= '9') n++;
    return n;
}

static bool is_number(struct slice s) {
    size_t at = s.len > 0 && s.at[0] == '-', n = digits(s, at);
    if (n == 0 || (n > 1 && s.at[at] == '0')) return false;
    at += n;
    if (at < s.len && s.at[at] == '.') {
        n = digits(s, ++at);
        if (n == 0) return false;
        at += n;
    }
    if (at < s.len && (s.at[at] == 'e' || s.at[at] == 'E')) {
        at++;
        at += at < s.len && (s.at[at] == '+' || s.at[at] == '-');
        n = digits(s, at);
        if (n == 0) return false;
        at += n;
    }
    return at == s.len;
}

static bool reads_as_typed(struct slice s) { return is_number(s) || slice_is(s, "true") || slice_is(s, "false"); }

bool config_is_typed(const struct yaml_node *node) { return node->type == YAML_SCALAR && node->plain && reads_as_typed(node->text); }

/* Is the text itself, without quotes, wherever it stands? Rather quoted once too often. */
static bool is_plain_text(struct slice s) {
    static const struct slice words[] = {{"null", 4}, {"Null", 4}, {"NULL", 4}, {"True", 4}, {"False", 5}, {"yes", 3}, {"no", 2}, {"on", 2}, {"off", 3}};
    bool letter = s.len > 0 && ((s.at[0] >= 'a' && s.at[0] <= 'z') || (s.at[0] >= 'A' && s.at[0] <= 'Z') || s.at[0] == '/' || s.at[0] == '.' || s.at[0] == '_' ||
                                (s.at[0] >= '0' && s.at[0] <= '9'));
    if (!letter || reads_as_typed(s) || s.at[s.len - 1] == ' ' || s.at[s.len - 1] == ':') return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_eq(s, words[i])) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c & 0x80) != 0;
        if (word || c == '_' || c == '-' || c == '.' || c == '/' || c == '+' || c == '%' || c == '@' || c == '(' || c == ')' || c == ';') continue;
        if (c == ' ' && i + 1 < s.len && s.at[i + 1] != '#') continue;
        if (c == ':' && i + 1 < s.len && s.at[i + 1] != ' ') continue;
        return false;
    }
    return true;
}

static void quoted(struct buffer *out, struct slice s) {
    buffer_byte(out, '"');
    json_escape(out, s);
    buffer_byte(out, '"');
}

static void write_scalar(const struct yaml_node *v, struct buffer *out) {
    if (config_written_null(v)) buffer_append(out, SLICE("null"));
    else if (config_is_typed(v) || is_plain_text(v->text)) buffer_append(out, v->text);
    else quoted(out, v->text);
}

static void write_key(const struct yaml_node *v, struct buffer *out) {
    if (is_plain_text(v->key)) buffer_append(out, v->key);
    else quoted(out, v->key);
    buffer_append(out, SLICE(":"));
}

static void write_flow(const struct yaml_node *v, struct buffer *out) {
    if (v->type == YAML_SCALAR) {
        write_scalar(v, out);
        return;
    }
    buffer_byte(out, v->type == YAML_MAP ? '{' : '[');
    for (const struct yaml_node *c = v->first; c != NULL; c = c->next) {
        if (c != v->first) buffer_append(out, SLICE(", "));
        if (v->type == YAML_MAP) {
            write_key(c, out);
            buffer_byte(out, ' ');
        }
        write_flow(c, out);
    }
    buffer_byte(out, v->type == YAML_MAP ? '}' : ']');
}

static bool is_short(const struct yaml_node *v) {
    struct buffer line;
    if (v->type == YAML_SCALAR || v->count == 0) return true;
    buffer_init(&line, SHORT);
    write_flow(v, &line);
    bool fits = !line.overflow;
    buffer_deinit(&line);
    return fits;
}

static void new_line(struct buffer *out, int indent) { buffer_printf(out, "\n%*s", indent, ""); }

void config_write(const struct yaml_node *v, int indent, bool flow, struct buffer *out) {
    if (flow || v->type == YAML_SCALAR || v->count == 0) {
        write_flow(v, out);
        return;
    }
    for (const struct yaml_node *c = v->first; c != NULL; c = c->next) {
        bool below = !is_short(c);
        if (c != v->first) new_line(out, indent);
        if (v->type == YAML_LIST) {
            buffer_append(out, SLICE("- "));
            config_write(c, indent + INDENT, !below, out);
            continue;
        }
        write_key(c, out);
        if (below) new_line(out, indent + INDENT);
        else buffer_byte(out, ' ');
        config_write(c, indent + INDENT, !below, out);
    }
}
