#include "model/problems.h"

#include <stdio.h>

static bool is_behind(const struct problem *p, int line, int column) {
    return p->line > line || (p->line == line && p->column > column);
}

void problems_add_list(struct problems *all, struct arena *arena, const char *file, int line, int column, const char *format,
                       va_list args) {
    if (all->items == NULL) all->items = arena_new_array(arena, struct problem, LIMIT_PROBLEMS);
    if (all->items == NULL || all->count == LIMIT_PROBLEMS) {
        all->more = true;
        return;
    }
    struct problem p = {.file = file, .line = line, .column = column};
    vsnprintf(p.text, sizeof p.text, format, args);
    size_t len = strlen(p.text);
    for (int i = 0; i < 3 && len == sizeof p.text - 1 - (size_t)i && !slice_is_utf8(slice_make(p.text, len)); i++) p.text[--len] = 0;
    unsigned at = all->count++;
    for (; at > 0 && is_behind(&all->items[at - 1], line, column); at--) all->items[at] = all->items[at - 1];
    all->items[at] = p;
}

void problems_add(struct problems *all, struct arena *arena, const char *file, int line, int column, const char *format, ...) {
    va_list args;
    va_start(args, format);
    problems_add_list(all, arena, file, line, column, format, args);
    va_end(args);
}

void problems_write(const struct problems *problems, struct buffer *out) {
    for (unsigned i = 0; i < problems->count; i++) {
        const struct problem *p = &problems->items[i];
        buffer_printf(out, "%s:%d:", p->file, p->line);
        if (p->column > 0) buffer_printf(out, "%d:", p->column);
        buffer_printf(out, " %s\n", p->text);
    }
    if (problems->more) buffer_printf(out, "and more: only the first %d problems are shown\n", LIMIT_PROBLEMS);
}
