#include "control/cli_sheet.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#define SHEET_TEXT (16u << 20) /* all cells of one page */

struct sheet_cell {
    size_t start, len;
    unsigned width; /* characters */
    enum sheet_color color;
};

void sheet_init(struct sheet *s, const char *const *headers, unsigned columns) {
    *s = (struct sheet){.headers = headers, .columns = columns, .widths = mem_new_array(unsigned, columns)};
    buffer_init(&s->text, SHEET_TEXT);
}

void sheet_deinit(struct sheet *s) {
    mem_free(s->cells);
    mem_free(s->widths);
    buffer_deinit(&s->text);
}

size_t sheet_rows(const struct sheet *s) { return s->columns > 0 ? s->n / s->columns : 0; }

/* C0, DEL, and C1 (two bytes in UTF-8) control terminals; broken bytes do not reach one either. */
void sheet_clean(struct buffer *out, struct slice text) {
    bool valid = slice_is_utf8(text);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool c1 = c == 0xC2 && i + 1 < text.len && (unsigned char)text.at[i + 1] < 0xA0;
        bool bad = c < 0x20 || c == 0x7F || c1 || (!valid && c >= 0x80);
        buffer_byte(out, bad ? '?' : (char)c);
        i += c1 && valid;
    }
}

static unsigned width_of(struct slice text) {
    unsigned n = 0;
    for (size_t i = 0; i < text.len; i++) n += ((unsigned char)text.at[i] & 0xC0) != 0x80;
    return n;
}

void sheet_put(struct sheet *s, struct slice text) {
    if (s->n == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 64;
        s->cells = mem_resize(s->cells, s->capacity * sizeof *s->cells);
    }
    struct sheet_cell *cell = &s->cells[s->n++];
    *cell = (struct sheet_cell){.start = s->text.len};
    sheet_clean(&s->text, text.len > 0 ? text : SLICE("-"));
    cell->len = s->text.len - cell->start;
    cell->width = width_of(slice_make(s->text.at ? s->text.at + cell->start : "", cell->len));
}

void sheet_print_cell(struct sheet *s, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    sheet_put(s, slice_of(text));
}

void sheet_paint(struct sheet *s, enum sheet_color color) {
    if (s->n > 0) s->cells[s->n - 1].color = color;
}

static bool is_colored(FILE *out) { return isatty(fileno(out)) && !getenv("NO_COLOR"); }

const char *sheet_color_on(FILE *out, enum sheet_color color) {
    static const char *const codes[] = {"", "\033[32m", "\033[33m", "\033[31m", "\033[2m"};
    return is_colored(out) ? codes[color] : "";
}

const char *sheet_color_off(FILE *out) { return is_colored(out) ? "\033[0m" : ""; }

static void write_padded(FILE *out, struct slice text, unsigned have, unsigned want, bool right, bool last) {
    int pad = (int)(want > have ? want - have : 0);
    if (right) fprintf(out, "%*s", pad, "");
    fwrite(text.at, 1, text.len, out);
    if (!right && !last) fprintf(out, "%*s", pad, "");
    if (!last) fputs("  ", out);
}

static void write_row(struct sheet *s, FILE *out, const struct sheet_cell *row, bool colored) {
    for (unsigned i = 0; i < s->columns; i++) {
        if (colored && row[i].color) fputs(sheet_color_on(out, row[i].color), out);
        write_padded(out, slice_make(s->text.at + row[i].start, row[i].len), row[i].width, s->widths[i], s->headers[i][0] == '>',
                     i + 1 == s->columns);
        if (colored && row[i].color) fputs(sheet_color_off(out), out);
    }
    fputc('\n', out);
}

void sheet_write(struct sheet *s, FILE *out, bool with_headers) {
    unsigned *widths = s->widths;
    bool colored = is_colored(out);
    for (unsigned i = 0; i < s->columns; i++) {
        bool right = s->headers[i][0] == '>';
        unsigned header = width_of(slice_of(s->headers[i] + right));
        if (header > widths[i]) widths[i] = header;
        for (size_t row = 0; row < sheet_rows(s); row++)
            if (s->cells[row * s->columns + i].width > widths[i]) widths[i] = s->cells[row * s->columns + i].width;
    }
    for (unsigned i = 0; with_headers && i < s->columns; i++) {
        bool right = s->headers[i][0] == '>';
        struct slice text = slice_of(s->headers[i] + right);
        write_padded(out, text, width_of(text), widths[i], right, i + 1 == s->columns);
    }
    if (with_headers) fputc('\n', out);
    for (size_t row = 0; row < sheet_rows(s); row++) write_row(s, out, &s->cells[row * s->columns], colored);
    s->n = 0;
    buffer_clear(&s->text);
}
