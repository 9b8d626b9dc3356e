#include "sim/load_prompt.h"

#include "base/json.h"
#include "base/mem.h"

#include <stdio.h>

enum fault load_lines_read(struct slice text, const char *name, struct load_lines *ret, struct error *error) {
    struct load_lines l = {.n = 0};
    struct arena arena;
    struct json_doc d;
    struct slice line;
    enum fault fault = FAULT_NONE;
    size_t most = 1;
    for (size_t i = 0; i < text.len; i++) most += text.at[i] == '\n';
    l.lines = mem_new_array(struct slice, most);
    arena_init(&arena, 16 << 10, 64 << 20);
    for (unsigned number = 1; text.len > 0 && fault == FAULT_NONE; number++) {
        slice_cut(text, '\n', &line, &text);
        line = slice_trim(line);
        if (line.len == 0) continue;
        arena_reset(&arena);
        if (json_read(line, &arena, 0, &d, NULL) != FAULT_NONE || json_type(&d, 0) != JSON_OBJECT)
            fault = error_set(error, FAULT_BAD_JSON, "%s:%u: expected a JSON object of variables", name, number);
        else l.lines[l.n++] = line;
    }
    arena_deinit(&arena);
    if (fault == FAULT_NONE && l.n == 0) fault = error_set(error, FAULT_BAD_REQUEST, "%s: expected a JSON object of variables on each line", name);
    if (fault == FAULT_NONE) *ret = l;
    else load_lines_deinit(&l);
    return fault;
}

void load_lines_deinit(struct load_lines *l) { mem_free(l->lines); }

void load_prompt_body(const struct load_lines *l, uint64_t index, bool anthropic, bool stream, struct buffer *out) {
    struct slice variables = l->n > 0 ? l->lines[index % l->n] : SLICE("{}");
    (void)buffer_printf(out, "{\"prompt_variables\":" SLICE_FMT ",\"messages\":[]", SLICE_ARG(variables));
    if (stream) (void)buffer_append(out, anthropic ? SLICE(",\"stream\":true") : SLICE(",\"stream\":true,\"stream_options\":{\"include_usage\":true}"));
    (void)buffer_byte(out, '}');
}

void load_user(struct dice *dice, uint64_t users, char out[LOAD_USER]) {
    (void)snprintf(out, LOAD_USER, "x-quarterdeck-user: user-%llu", (unsigned long long)(1 + dice_next(dice) % users));
}
