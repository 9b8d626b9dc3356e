#include "control/whence.h"

#include "control/attempts.h"

#include <string.h>

struct slice whence_network(const char *peer, struct arena *arena) {
    char text[ATTEMPTS_NETWORK];
    struct slice p = slice_of(peer);
    if (p.len == 0) return SLICE_NULL;
    if (slice_starts(p, SLICE("::ffff:"))) p = slice_make(p.at + 7, p.len - 7);
    if (slice_is(p, "::1") || slice_starts(p, SLICE("127."))) return SLICE("this machine");
    if (slice_contains(p, SLICE("."))) {
        while (p.len > 0 && p.at[p.len - 1] != '.') p.len--;
        return arena_printf(arena, SLICE_FMT "0/24", SLICE_ARG(p));
    }
    return arena_printf(arena, SLICE_FMT ":/64", SLICE_ARG(attempts_network(peer, text)));
}

/* The first that is found: many call themselves by their forebears' names, too. */
static const char *first_of(struct slice text, const char *const table[][2]) {
    for (unsigned i = 0; table[i][0] != NULL; i++)
        if (slice_contains(text, slice_of(table[i][0]))) return table[i][1];
    return NULL;
}

struct slice whence_agent(struct slice user_agent, struct arena *arena) {
    static const char *const programs[][2] = {{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
                                              {"Chrome/", "Chrome"}, {"CriOS/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"}, {"quarterdeck/", "quarterdeck"},
                                              {"Python", "Python"}, {"python", "Python"}, {NULL, NULL}};
    static const char *const systems[][2] = {{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"},
                                             {"CrOS", "ChromeOS"}, {"Linux", "Linux"}, {NULL, NULL}};
    if (user_agent.len == 0) return SLICE_NULL;
    const char *program = first_of(user_agent, programs), *system = first_of(user_agent, systems);
    if (program == NULL) program = "another program";
    return system != NULL ? arena_printf(arena, "%s on %s", program, system) : slice_of(program);
}
