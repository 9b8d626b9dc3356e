#include "base/fault.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>

static const struct fault_row {
    const char *name, *text;
    int status;
    enum retry_class retry;
} faults[FAULT_COUNT] = {
#define FAULT(symbol, name, status, retry, text) [FAULT_##symbol] = {name, text, status, retry},
    FAULT_TABLE(FAULT)
#undef FAULT
};

static const struct fault_row *row(enum fault f) {
    return &faults[(unsigned)f < FAULT_COUNT ? (unsigned)f : (unsigned)FAULT_INTERNAL];
}

const char *fault_name(enum fault f) {
    return row(f)->name;
}
const char *fault_text(enum fault f) {
    return row(f)->text;
}
int fault_status(enum fault f) {
    return row(f)->status;
}
enum retry_class fault_retry(enum fault f) {
    return row(f)->retry;
}

bool fault_from_name(struct slice name, enum fault *ret) {
    for (unsigned f = 0; f < FAULT_COUNT; f++)
        if (slice_is(name, faults[f].name)) {
            *ret = (enum fault)f;
            return true;
        }
    return false;
}

enum fault error_set(struct error *e, enum fault f, const char *format, ...) {
    if (e == NULL) return f;
    char text[LIMIT_ERROR_TEXT + 1]; /* apart from e->text, which may be among the arguments; one more byte
                                        shows whether the cut falls inside a character */
    int n = 0;
    text[0] = 0;
    if (format != NULL) {
        va_list args;
        va_start(args, format);
        n = vsnprintf(text, sizeof text, format, args);
        va_end(args);
    }
    if (n <= 0) n = snprintf(text, sizeof text, "%s", fault_text(f));
    size_t len = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    len = utf8_cut(slice_make(text, len), sizeof e->text - 1);
    memcpy(e->text, text, len);
    e->text[len] = 0;
    e->fault = f;
    return f;
}
