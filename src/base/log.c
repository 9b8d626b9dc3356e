#include "base/log.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>

enum { VALUE_MOST = 2048, LINE_MOST = 64 << 10 };

static _Atomic int log_lowest = LOG_INFO;
static atomic_bool log_json;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_start(enum log_level lowest, bool json) {
    atomic_store(&log_lowest, lowest);
    atomic_store(&log_json, json && !isatty(STDERR_FILENO));
}

static struct slice limited(const char *text) {
    struct slice s = slice_of(text);
    s.len = utf8_cut(s, VALUE_MOST);
    return s;
}

/* Control characters could move a terminal's cursor or forge a line; those of C1 (U+0080 to U+009F) do so in
 * UTF-8 as well. */
static void escape_text(struct buffer *out, struct slice s, bool quoted) {
    for (size_t i = 0; i < s.len;) {
        unsigned char c = (unsigned char)s.at[i];
        int n = utf8_next(s.at + i, s.len - i);
        bool c1 = n == 2 && c == 0xC2 && (unsigned char)s.at[i + 1] < 0xA0;
        if (n < 0 || c1 || c < 0x20 || c == 0x7F) {
            n = n < 0 ? -n : n;
            for (int k = 0; k < n; k++) buffer_printf(out, "\\x%02x", (unsigned char)s.at[i + (size_t)k]);
        } else {
            if (quoted && (c == '"' || c == '\\')) buffer_byte(out, '\\');
            buffer_append(out, slice_make(s.at + i, (size_t)n));
        }
        i += (size_t)n;
    }
}

static bool wants_quotes(struct slice s) {
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.at[i] <= ' ' || s.at[i] == '"' || s.at[i] == '=' || s.at[i] == '\\') return true;
    return s.len == 0;
}

static void put_text(struct buffer *out, const char *time, const char *level, const char *message,
                     va_list args) {
    buffer_printf(out, "%s %-5s ", time, level);
    escape_text(out, limited(message), false);
    for (const char *key; (key = va_arg(args, const char *)) != NULL;) {
        const char *value = va_arg(args, const char *);
        struct slice s = value != NULL ? limited(value) : SLICE("null");
        bool quoted = value != NULL && wants_quotes(s);
        buffer_printf(out, " %s=%s", key, quoted ? "\"" : "");
        escape_text(out, s, quoted);
        if (quoted) buffer_byte(out, '"');
        if (value == NULL) break; /* it may have been the end */
    }
}

static void put_json(struct buffer *out, const char *time, const char *level, const char *message,
                     va_list args) {
    struct json_writer w;
    json_start(&w, out);
    json_object(&w);
    json_member_text(&w, "time", time);
    json_member_text(&w, "level", level);
    json_member_string(&w, "message", limited(message));
    for (const char *key; (key = va_arg(args, const char *)) != NULL;) {
        const char *value = va_arg(args, const char *);
        json_member_string(&w, key, value != NULL ? limited(value) : SLICE_NULL);
        if (value == NULL) break; /* it may have been the end */
    }
    json_object_end(&w);
}

void log_event(enum log_level level, const char *message, ...) {
    char time[CLOCK_TEXT];
    struct buffer line;
    va_list args;
    if ((int)level < atomic_load(&log_lowest) || level > LOG_ERROR) return;
    clock_format(clock_wall_us(), time);
    buffer_init(&line, LINE_MOST);
    va_start(args, message);
    (atomic_load(&log_json) ? put_json : put_text)(&line, time, level_names[level], message, args);
    va_end(args);
    buffer_byte(&line, '\n');
    if (line.overflow) { /* a cut line would not be JSON */
        log_event(level, message, "truncated", "true", NULL);
    } else {
        ssize_t written = write(STDERR_FILENO, line.at, line.len);
        (void)written; /* there is nowhere left to say it */
    }
    buffer_deinit(&line);
}
