#include "dialect/address.h"

void address_start(struct upstream_address *a, struct arena *arena) {
    *a = (struct upstream_address){.url = SLICE("")};
    address_header(a, arena, "content-type", "", "application/json");
}

void address_header(struct upstream_address *a, struct arena *arena, const char *name, const char *before,
                    const char *value) {
    enum { MOST = sizeof a->headers / sizeof a->headers[0] - 1 };
    unsigned n = 0;
    while (a->headers[n] != NULL) n++;
    if (n < MOST) a->headers[n] = arena_printf(arena, "%s: %s%s", name, before, value).at;
}

void address_url(struct upstream_address *a, struct arena *arena, const char *base, const char *middle,
                 const char *path) {
    a->url = arena_printf(arena, "%s%s%s", base, middle, path);
}

bool address_base_has_path(const char *base) {
    const char *host = strstr(base, "://");
    return strchr(host == NULL ? base : host + 3, '/') != NULL;
}

bool address_ends(const char *base, const char *suffix) {
    return slice_ends(slice_of(base), slice_of(suffix));
}

const char *address_escape(struct arena *arena, const char *text) {
    static const char hex[] = "0123456789ABCDEF";
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    char *out = arena_alloc(arena, strlen(text) * 3 + 1), *at = out;
    if (out == NULL) return "";
    for (; *text != 0; text++) {
        if (strchr(plain, *text) != NULL) {
            *at++ = *text;
        } else {
            *at++ = '%';
            *at++ = hex[(unsigned char)*text >> 4];
            *at++ = hex[(unsigned char)*text & 15];
        }
    }
    *at = 0;
    return out;
}
