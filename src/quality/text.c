#include "quality/text.h"

#include "base/utf8.h"

uint32_t text_next(struct slice *rest) {
    const unsigned char *s = (const unsigned char *)rest->at;
    int n = utf8_next(rest->at, rest->len);
    size_t size = (size_t)(n < 0 ? -n : n);
    *rest = slice_make(rest->at + size, rest->len - size);
    if (n < 0) return 0xFFFD;
    if (n == 1) return s[0];
    uint32_t c = s[0] & (n == 2 ? 0x1Fu : n == 3 ? 0x0Fu : 0x07u);
    for (int i = 1; i < n; i++) c = c << 6 | (s[i] & 0x3Fu);
    return c;
}

size_t text_length(struct slice s) {
    size_t n = 0;
    for (; s.len > 0; n++) (void)text_next(&s);
    return n;
}

/* ---- kinds ---- */

bool text_is_space(uint32_t c) {
    if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13);
    return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
           c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000 || c == 0xFEFF;
}

bool text_is_word(uint32_t c) {
    if (c < 0x80) return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (text_is_space(c)) return false;
    if (c < 0x100)
        return (c >= 0xC0 && c != 0xD7 && c != 0xF7) || c == 0xAA || c == 0xB2 || c == 0xB3 || c == 0xB5 ||
               (c >= 0xB9 && c <= 0xBA);
    bool sign = (c >= 0x2010 && c <= 0x206F) || (c >= 0x20A0 && c <= 0x20CF) ||
                (c >= 0x2190 && c <= 0x23FF) || (c >= 0x2500 && c <= 0x2BFF) ||
                (c >= 0x2E00 && c <= 0x2E7F) || (c >= 0x3001 && c <= 0x3004) ||
                (c >= 0x3008 && c <= 0x3020) || c == 0x3030 || (c >= 0xFE10 && c <= 0xFE6B) ||
                (c >= 0xFF01 && c <= 0xFF0F) || (c >= 0xFF1A && c <= 0xFF20) ||
                (c >= 0xFF3B && c <= 0xFF40) || (c >= 0xFF5B && c <= 0xFF65) || c == 0xFFFD || c == 0x0964 ||
                c == 0x0965 || c == 0x060C || c == 0x061B || c == 0x061F || c == 0x06D4 || c == 0x055D ||
                c == 0x0589 || c == 0x05BE || (c >= 0x1F300 && c <= 0x1FAFF);
    return !sign;
}

bool text_is_ideograph(uint32_t c) {
    return (c >= 0x3041 && c <= 0x30FF) || (c >= 0x31F0 && c <= 0x31FF) || (c >= 0x3400 && c <= 0x4DBF) ||
           (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x323AF) ||
           c == 0x3005;
}

/* ---- lower case: generated from Unicode 14's UnicodeData (single code point mappings above ASCII) ---- */

struct fold {
    uint32_t first, last;
    int32_t by;
    uint32_t step; /* 2: every second code point */
};

/* clang-format off */
static const struct fold folds[] = {
    {0xC0, 0xD6, 32, 1}, {0xD8, 0xDE, 32, 1}, {0x100, 0x12E, 1, 2}, {0x132, 0x136, 1, 2},
    {0x139, 0x147, 1, 2}, {0x14A, 0x176, 1, 2}, {0x178, 0x178, -121, 1}, {0x179, 0x17D, 1, 2},
    {0x181, 0x181, 210, 1}, {0x182, 0x184, 1, 2}, {0x186, 0x186, 206, 1}, {0x187, 0x187, 1, 1},
    {0x189, 0x18A, 205, 1}, {0x18B, 0x18B, 1, 1}, {0x18E, 0x18E, 79, 1}, {0x18F, 0x18F, 202, 1},
    {0x190, 0x190, 203, 1}, {0x191, 0x191, 1, 1}, {0x193, 0x193, 205, 1}, {0x194, 0x194, 207, 1},
    {0x196, 0x196, 211, 1}, {0x197, 0x197, 209, 1}, {0x198, 0x198, 1, 1}, {0x19C, 0x19C, 211, 1},
    {0x19D, 0x19D, 213, 1}, {0x19F, 0x19F, 214, 1}, {0x1A0, 0x1A4, 1, 2}, {0x1A6, 0x1A6, 218, 1},
    {0x1A7, 0x1A7, 1, 1}, {0x1A9, 0x1A9, 218, 1}, {0x1AC, 0x1AC, 1, 1}, {0x1AE, 0x1AE, 218, 1},
    {0x1AF, 0x1AF, 1, 1}, {0x1B1, 0x1B2, 217, 1}, {0x1B3, 0x1B5, 1, 2}, {0x1B7, 0x1B7, 219, 1},
    {0x1B8, 0x1B8, 1, 1}, {0x1BC, 0x1BC, 1, 1}, {0x1C4, 0x1C4, 2, 1}, {0x1C5, 0x1C5, 1, 1},
    {0x1C7, 0x1C7, 2, 1}, {0x1C8, 0x1C8, 1, 1}, {0x1CA, 0x1CA, 2, 1}, {0x1CB, 0x1DB, 1, 2},
    {0x1DE, 0x1EE, 1, 2}, {0x1F1, 0x1F1, 2, 1}, {0x1F2, 0x1F4, 1, 2}, {0x1F6, 0x1F6, -97, 1},
    {0x1F7, 0x1F7, -56, 1}, {0x1F8, 0x21E, 1, 2}, {0x220, 0x220, -130, 1}, {0x222, 0x232, 1, 2},
    {0x23A, 0x23A, 10795, 1}, {0x23B, 0x23B, 1, 1}, {0x23D, 0x23D, -163, 1}, {0x23E, 0x23E, 10792, 1},
    {0x241, 0x241, 1, 1}, {0x243, 0x243, -195, 1}, {0x244, 0x244, 69, 1}, {0x245, 0x245, 71, 1},
    {0x246, 0x24E, 1, 2}, {0x370, 0x372, 1, 2}, {0x376, 0x376, 1, 1}, {0x37F, 0x37F, 116, 1},
    {0x386, 0x386, 38, 1}, {0x388, 0x38A, 37, 1}, {0x38C, 0x38C, 64, 1}, {0x38E, 0x38F, 63, 1},
    {0x391, 0x3A1, 32, 1}, {0x3A3, 0x3AB, 32, 1}, {0x3CF, 0x3CF, 8, 1}, {0x3D8, 0x3EE, 1, 2},
    {0x3F4, 0x3F4, -60, 1}, {0x3F7, 0x3F7, 1, 1}, {0x3F9, 0x3F9, -7, 1}, {0x3FA, 0x3FA, 1, 1},
    {0x3FD, 0x3FF, -130, 1}, {0x400, 0x40F, 80, 1}, {0x410, 0x42F, 32, 1}, {0x460, 0x480, 1, 2},
    {0x48A, 0x4BE, 1, 2}, {0x4C0, 0x4C0, 15, 1}, {0x4C1, 0x4CD, 1, 2}, {0x4D0, 0x52E, 1, 2},
    {0x531, 0x556, 48, 1}, {0x10A0, 0x10C5, 7264, 1}, {0x10C7, 0x10C7, 7264, 1}, {0x10CD, 0x10CD, 7264, 1},
    {0x13A0, 0x13EF, 38864, 1}, {0x13F0, 0x13F5, 8, 1}, {0x1C90, 0x1CBA, -3008, 1},
    {0x1CBD, 0x1CBF, -3008, 1}, {0x1E00, 0x1E94, 1, 2}, {0x1E9E, 0x1E9E, -7615, 1}, {0x1EA0, 0x1EFE, 1, 2},
    {0x1F08, 0x1F0F, -8, 1}, {0x1F18, 0x1F1D, -8, 1}, {0x1F28, 0x1F2F, -8, 1}, {0x1F38, 0x1F3F, -8, 1},
    {0x1F48, 0x1F4D, -8, 1}, {0x1F59, 0x1F5F, -8, 2}, {0x1F68, 0x1F6F, -8, 1}, {0x1F88, 0x1F8F, -8, 1},
    {0x1F98, 0x1F9F, -8, 1}, {0x1FA8, 0x1FAF, -8, 1}, {0x1FB8, 0x1FB9, -8, 1}, {0x1FBA, 0x1FBB, -74, 1},
    {0x1FBC, 0x1FBC, -9, 1}, {0x1FC8, 0x1FCB, -86, 1}, {0x1FCC, 0x1FCC, -9, 1}, {0x1FD8, 0x1FD9, -8, 1},
    {0x1FDA, 0x1FDB, -100, 1}, {0x1FE8, 0x1FE9, -8, 1}, {0x1FEA, 0x1FEB, -112, 1}, {0x1FEC, 0x1FEC, -7, 1},
    {0x1FF8, 0x1FF9, -128, 1}, {0x1FFA, 0x1FFB, -126, 1}, {0x1FFC, 0x1FFC, -9, 1},
    {0x2126, 0x2126, -7517, 1}, {0x212A, 0x212A, -8383, 1}, {0x212B, 0x212B, -8262, 1},
    {0x2132, 0x2132, 28, 1}, {0x2160, 0x216F, 16, 1}, {0x2183, 0x2183, 1, 1}, {0x24B6, 0x24CF, 26, 1},
    {0x2C00, 0x2C2F, 48, 1}, {0x2C60, 0x2C60, 1, 1}, {0x2C62, 0x2C62, -10743, 1},
    {0x2C63, 0x2C63, -3814, 1}, {0x2C64, 0x2C64, -10727, 1}, {0x2C67, 0x2C6B, 1, 2},
    {0x2C6D, 0x2C6D, -10780, 1}, {0x2C6E, 0x2C6E, -10749, 1}, {0x2C6F, 0x2C6F, -10783, 1},
    {0x2C70, 0x2C70, -10782, 1}, {0x2C72, 0x2C72, 1, 1}, {0x2C75, 0x2C75, 1, 1},
    {0x2C7E, 0x2C7F, -10815, 1}, {0x2C80, 0x2CE2, 1, 2}, {0x2CEB, 0x2CED, 1, 2}, {0x2CF2, 0x2CF2, 1, 1},
    {0xA640, 0xA66C, 1, 2}, {0xA680, 0xA69A, 1, 2}, {0xA722, 0xA72E, 1, 2}, {0xA732, 0xA76E, 1, 2},
    {0xA779, 0xA77B, 1, 2}, {0xA77D, 0xA77D, -35332, 1}, {0xA77E, 0xA786, 1, 2}, {0xA78B, 0xA78B, 1, 1},
    {0xA78D, 0xA78D, -42280, 1}, {0xA790, 0xA792, 1, 2}, {0xA796, 0xA7A8, 1, 2},
    {0xA7AA, 0xA7AA, -42308, 1}, {0xA7AB, 0xA7AB, -42319, 1}, {0xA7AC, 0xA7AC, -42315, 1},
    {0xA7AD, 0xA7AD, -42305, 1}, {0xA7AE, 0xA7AE, -42308, 1}, {0xA7B0, 0xA7B0, -42258, 1},
    {0xA7B1, 0xA7B1, -42282, 1}, {0xA7B2, 0xA7B2, -42261, 1}, {0xA7B3, 0xA7B3, 928, 1},
    {0xA7B4, 0xA7C2, 1, 2}, {0xA7C4, 0xA7C4, -48, 1}, {0xA7C5, 0xA7C5, -42307, 1},
    {0xA7C6, 0xA7C6, -35384, 1}, {0xA7C7, 0xA7C9, 1, 2}, {0xA7D0, 0xA7D0, 1, 1}, {0xA7D6, 0xA7D8, 1, 2},
    {0xA7F5, 0xA7F5, 1, 1}, {0xFF21, 0xFF3A, 32, 1}, {0x10400, 0x10427, 40, 1}, {0x104B0, 0x104D3, 40, 1},
    {0x10570, 0x1057A, 39, 1}, {0x1057C, 0x1058A, 39, 1}, {0x1058C, 0x10592, 39, 1},
    {0x10594, 0x10595, 39, 1}, {0x10C80, 0x10CB2, 64, 1}, {0x118A0, 0x118BF, 32, 1},
    {0x16E40, 0x16E5F, 32, 1}, {0x1E900, 0x1E921, 34, 1},
};
/* clang-format on */

static uint32_t lower(uint32_t c) {
    if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
    size_t low = 0, high = sizeof folds / sizeof *folds; /* the last range that begins at or before c */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (folds[middle].first <= c) low = middle;
        else high = middle;
    }
    const struct fold *f = &folds[low];
    bool in = c >= f->first && c <= f->last && (c - f->first) % f->step == 0;
    return in ? (uint32_t)((int32_t)c + f->by) : c;
}

struct slice text_lower(struct slice s, struct arena *arena) {
    struct slice rest = s;
    size_t same = 0;
    while (rest.len > 0) { /* up to the first one that changes */
        uint32_t c = text_next(&rest);
        if (lower(c) != c || c == 0xFFFD) break;
        same = s.len - rest.len;
    }
    if (same == s.len) return s.at != NULL ? s : SLICE("");
    size_t room = same + (s.len - same) * 3; /* U+FFFD for one broken byte; no mapping grows as much */
    char *out = arena_alloc(arena, room);
    if (out == NULL) return SLICE_NULL;
    memcpy(out, s.at, same);
    size_t len = same;
    for (rest = slice_make(s.at + same, s.len - same); rest.len > 0;)
        len += (size_t)utf8_put(out + len, lower(text_next(&rest)));
    return slice_make(arena_resize(arena, out, room, len), len);
}

struct slice text_excerpt(struct slice s, size_t most, struct arena *arena) {
    size_t room = (s.len < most * 4 ? s.len * 3 : most * 4) + 3, len = 0;
    char *out = arena_alloc(arena, room);
    if (out == NULL) return SLICE_NULL;
    for (size_t n = 0; s.len > 0 && n < most; n++) {
        uint32_t c = text_next(&s);
        len += (size_t)utf8_put(out + len,
                                c < ' ' || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 ? ' ' : c);
    }
    for (int i = 0; i < 3 && s.len > 0; i++) out[len++] = '.';
    return slice_make(arena_resize(arena, out, room, len), len);
}

/* ---- runs ---- */

struct slice text_next_run(struct slice *rest) {
    struct slice at = *rest;
    const char *from = NULL;
    while (at.len > 0) {
        struct slice before = at;
        bool space = text_is_space(text_next(&at));
        if (!space && from == NULL) from = before.at;
        if (space && from != NULL) {
            *rest = at;
            return slice_make(from, (size_t)(before.at - from));
        }
    }
    *rest = at;
    return from != NULL ? slice_make(from, (size_t)(at.at - from)) : SLICE_NULL;
}

uint64_t text_count_runs(struct slice s) {
    uint64_t n = 0;
    while (s.len > 0) n += !slice_is_null(text_next_run(&s));
    return n;
}

/* ---- distance ---- */

enum { DISTANCE_WORK = 1 << 30 };

static uint32_t *code_points(struct slice s, struct arena *arena, size_t *ret_n) {
    uint32_t *out = arena_new_array(arena, uint32_t, s.len + 1);
    size_t n = 0;
    for (; out != NULL && s.len > 0; n++) out[n] = text_next(&s);
    *ret_n = n;
    return out;
}

/* Ukkonen's band: cells farther than `most` from the diagonal cannot be on a path that short. row[j] is the
 * distance of the first i of `a` from the first j of `b`, or most + 1 for anything larger. */
static uint64_t banded(const uint32_t *a, size_t n, const uint32_t *b, size_t m, uint64_t most,
                       uint32_t *row) {
    uint32_t out = (uint32_t)most + 1;
    for (size_t j = 0; j <= m; j++) row[j] = j <= most ? (uint32_t)j : out;
    for (size_t i = 1; i <= n; i++) {
        size_t from = i > most ? i - most : 0, to = i + most < m ? i + most : m;
        uint32_t corner, best = out;
        if (from == 0) {
            corner = row[0];
            best = row[0] = (uint32_t)i;
            from = 1;
        } else {
            corner = row[from - 1];
            row[from - 1] = out;
        }
        for (size_t j = from; j <= to; j++) {
            uint32_t above = row[j], left = row[j - 1], d = corner + (a[i - 1] != b[j - 1]);
            if (above + 1 < d) d = above + 1;
            if (left + 1 < d) d = left + 1;
            corner = row[j];
            row[j] = d < out ? d : out;
            if (d < best) best = d;
        }
        if (best >= out) return TEXT_FARTHER;
    }
    return row[m] <= most ? row[m] : TEXT_FARTHER;
}

uint64_t text_distance(struct slice a, struct slice b, uint64_t most, struct arena *arena) {
    size_t n, m;
    uint32_t *x = code_points(a, arena, &n), *y = code_points(b, arena, &m);
    if (x == NULL || y == NULL) return TEXT_TOO_LONG;
    while (n > 0 && m > 0 && *x == *y) x++, y++, n--, m--;
    while (n > 0 && m > 0 && x[n - 1] == y[m - 1]) n--, m--;
    if ((n > m ? n - m : m - n) > most) return TEXT_FARTHER;
    if (n == 0 || m == 0) return n + m;
    if (most > n + m) most = n + m;
    if (most > (n > m ? n : m)) most = n > m ? n : m;
    if ((most * 2 + 1) > DISTANCE_WORK / n) return TEXT_TOO_LONG;
    uint32_t *row = arena_new_array(arena, uint32_t, m + 1);
    return row != NULL ? banded(x, n, y, m, most, row) : TEXT_TOO_LONG;
}
