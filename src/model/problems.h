/* problems.h - what is wrong in files that people wrote: all of it at once, each with its place. */
#ifndef MODEL_PROBLEMS_H
#define MODEL_PROBLEMS_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/fault.h"
#include "base/limits.h"

struct problem {
    const char *file;
    int line, column;            /* column 0: not known */
    char text[LIMIT_ERROR_TEXT]; /* "models.support-chat.retry.atempts: unknown key; did you mean `attempts`?" */
};

struct problems { /* zeroed: none */
    struct problem *items;       /* in the arena, in the order of lines */
    unsigned count;
    bool more;                   /* over LIMIT_PROBLEMS, or no room */
};

/* `file` is borrowed. */
void problems_add(struct problems *p, struct arena *arena, const char *file, int line, int column, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
void problems_add_list(struct problems *p, struct arena *arena, const char *file, int line, int column, const char *format,
                       va_list args) __attribute__((format(printf, 6, 0)));
static inline bool problems_any(const struct problems *p) { return p->count > 0 || p->more; }

/* "quarterdeck.yaml:12:5: models.x.retry: ..." one a line. */
void problems_write(const struct problems *p, struct buffer *out);

#endif
