/* wire_demo.c - the verb `demo`: a server, a simulated provider, and the traffic and people of a world, in one process; weeks of it in
 * virtual time (base/virtual_time.h), then on in real time.
 *
 * Threads: those of the server (wire.c), whose main thread this is, and one loop for simulator and player. The server is reached
 * over HTTP alone, as by anyone. */
#include "wire.h"
#include "wire_demo_folder.h"
#include "wire_process.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/one_core.h"
#include "base/virtual_time.h"
#include "control/config_file.h"
#include "control/options.h"
#include "io/program.h"
#include "sim/player.h"
#include "sim/simulator.h"

#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ARENA_MOST = 256 << 20, TOKEN_BYTES = 20, PEOPLE = 32, SHOW_US = 100000, SCRIPT_MOST = 8 << 20, DAYS_MOST = 366, VERB_FIRST = 7, VERB_WORDS = 32 };

#define VERB_US 60000000LL
#define DAY_US 86400000000LL
#define ENVIRONMENT "QUARTERDECK_DEMO_"
#define TOKEN_TEXT (4 + 2 * TOKEN_BYTES + 1)

extern char **environ;

struct demo {
    struct demo_folder folder;
    struct arena arena;
    struct world_options world_options;
    struct world *world;
    char tokens[PEOPLE][TOKEN_TEXT];
    struct loop *loop; /* of the two below, on `thread` */
    struct simulator *simulator;
    struct player *player;
    pthread_t thread;
    bool running, once, browser, terminal, live, left;
    char url[320];
    int64_t days, began_us, shown_us; /* real */
    int64_t shown_day;
    atomic_bool stopped;
};

/* ---- people ---- */

static const char *token_of(void *ctx, struct slice person) {
    struct demo *d = ctx;
    for (unsigned i = 0; i < world_people(d->world); i++)
        if (slice_eq(world_person_at(d->world, i)->name, person)) return d->tokens[i];
    return NULL;
}

static void make_token(char out[TOKEN_TEXT]) {
    uint8_t bytes[TOKEN_BYTES];
    digest_random(bytes, sizeof bytes);
    char hex[2 * TOKEN_BYTES + 1];
    digest_hex(bytes, sizeof bytes, hex);
    snprintf(out, TOKEN_TEXT, "qdt-%s", hex);
}

static void set_environment(const char *name, const char *value) {
    char text[256];
    snprintf(text, sizeof text, ENVIRONMENT "%s", name);
    for (char *c = text; *c != 0; c++) *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c == '-' ? '_' : *c;
    setenv(text, value, 1);
}

static void give_tokens(struct demo *d) {
    for (unsigned i = 0; i < world_people(d->world); i++) {
        char name[128];
        snprintf(name, sizeof name, "TOKEN_" SLICE_FMT, SLICE_ARG(world_person_at(d->world, i)->name));
        make_token(d->tokens[i]);
        set_environment(name, d->tokens[i]);
    }
}

/* By `env`: the token is this person's alone, and the environment all threads'. By `sh`: what it complains of is not the demo's. */
static bool run_verb(void *ctx, struct slice person, struct slice words, struct error *error) {
    struct demo *d = ctx;
    char self[512];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    const char *argv[VERB_FIRST + VERB_WORDS + 1] = {"sh", "-c", "exec env \"$@\" 2>&1", "sh", NULL, NULL, self}, *token = token_of(d, person);
    struct arena arena;
    struct buffer out;
    struct slice word;
    self[len > 0 ? len : 0] = 0;
    arena_init(&arena, 4 << 10, 1 << 20);
    buffer_init(&out, 1 << 20);
    argv[4] = arena_text(&arena, arena_printf(&arena, "QUARTERDECK_URL=%s", d->url));
    argv[5] = arena_text(&arena, arena_printf(&arena, "QUARTERDECK_TOKEN=%s", token != NULL ? token : ""));
    for (unsigned n = VERB_FIRST; words.len > 0 && n < VERB_FIRST + VERB_WORDS; n++) {
        slice_cut(words, ' ', &word, &words);
        argv[n] = arena_text(&arena, word);
    }
    enum fault f = program_call(&(struct program_call){.argv = argv, .input = SLICE(""), .timeout_us = VERB_US}, &out, error);
    if (f == FAULT_IO && out.len > 0) (void)error_set(error, f, "%s", buffer_text(&out));
    buffer_deinit(&out);
    arena_deinit(&arena);
    return f == FAULT_NONE;
}

/* ---- the progress line ---- */

static int64_t since_start(const struct demo *d) { return clock_wall_us() - d->world_options.start_us; }

static void write_line(struct demo *d) {
    const struct player_counts *n = player_counts(d->player);
    int64_t at = since_start(d), day = at / DAY_US;
    const struct world_act *last = atomic_load(&n->last);
    int minutes = (int)(at % DAY_US / 60000000);
    if (!d->terminal && day == d->shown_day) return;
    d->shown_day = day;
    fprintf(stderr, "%sday %lld of %lld \xc2\xb7 %02d:%02d \xc2\xb7 %lu exchanges%s" SLICE_FMT "%s", d->terminal ? "\r\033[K" : "", (long long)(day < d->days ? day + 1 : d->days),
            (long long)d->days, minutes / 60, minutes % 60, atomic_load(&n->requests), last != NULL ? " \xc2\xb7 " : "",
            SLICE_ARG(last != NULL ? last->say : SLICE_NULL), d->terminal ? "" : "\n");
    fflush(stderr);
}

static void moved(void *ctx) {
    struct demo *d = ctx;
    int64_t now = clock_real_us();
    if (now - d->shown_us < SHOW_US || !virtual_time_is_on()) return;
    d->shown_us = now;
    write_line(d);
}

static void failed(void *ctx, const char *text) {
    struct demo *d = ctx;
    fprintf(stderr, "%squarterdeck demo: %s\n", d->terminal ? "\r\033[K" : "", text);
}

/* ---- the loop's thread ---- */

static void *loop_main(void *arg) {
    struct demo *d = arg;
    loop_run(d->loop);
    return NULL;
}

static void live_on_loop(void *arg) { player_go_live(((struct demo *)arg)->player); }

static void end_on_loop(void *arg) {
    struct demo *d = arg;
    player_free(d->player);
    d->player = NULL;
    atomic_store(&d->stopped, true);
}

/* ---- what the server calls ---- */

static void add_user(struct demo *d, const struct world_person *p, struct slice admin) {
    struct world_act *act = arena_new(&d->arena, struct world_act);
    struct buffer body;
    struct json_writer w;
    buffer_init(&body, 4096);
    json_start(&w, &body);
    json_object(&w);
    json_member_string(&w, "name", p->name);
    json_member_string(&w, "role", p->role);
    json_member_string(&w, "password", p->password);
    json_member_text(&w, "reason", "the demo's people");
    json_object_end(&w);
    if (act != NULL) *act = (struct world_act){.by = admin, .method = "POST", .path = SLICE("/api/v1/users"), .body = arena_slice(&d->arena, buffer_slice(&body))};
    if (act != NULL && act->body.at != NULL) player_perform(d->player, act);
    buffer_deinit(&body);
}

/* Whoever has a password becomes a user, by the hand of the first who may do that. */
static void add_users(struct demo *d) {
    struct slice admin = SLICE_NULL;
    for (unsigned i = 0; i < world_people(d->world) && admin.at == NULL; i++)
        if (slice_is(world_person_at(d->world, i)->role, "admin")) admin = world_person_at(d->world, i)->name;
    for (unsigned i = 0; i < world_people(d->world) && admin.at != NULL; i++)
        if (world_person_at(d->world, i)->password.at != NULL) add_user(d, world_person_at(d->world, i), admin);
}

static void begin_on_loop(void *arg) {
    struct demo *d = arg;
    add_users(d);
    player_start(d->player);
}

static void server_is_ready(void *ctx, uint16_t port) {
    struct demo *d = ctx;
    struct error error;
    char *colon = strrchr(d->url, ':');
    snprintf(colon, sizeof d->url - (size_t)(colon - d->url), ":%u", port);
    d->player = player_new(&(struct player_options){.loop = d->loop, .world = d->world, .url = d->url, .start_us = d->world_options.start_us,
                                                    .ctx = d, .token = token_of, .moved = moved, .failed = failed, .verb = run_verb}, &error);
    if (d->player == NULL) {
        fprintf(stderr, "quarterdeck demo: %s\n", error.text);
        kill(getpid(), SIGTERM);
        return;
    }
    (void)loop_post(d->loop, begin_on_loop, d);
    virtual_time_leave(); /* time may pass */
}

static void open_browser(const struct demo *d) {
    const char *argv[] = {"xdg-open", d->url, NULL};
    posix_spawn_file_actions_t quiet;
    pid_t pid;
    if (!d->browser || (getenv("DISPLAY") == NULL && getenv("WAYLAND_DISPLAY") == NULL)) return;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", 1, 0);
    posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", 1, 0);
    (void)posix_spawnp(&pid, argv[0], &quiet, NULL, (char *const *)(uintptr_t)argv, environ); /* without one, the address is on the terminal */
    posix_spawn_file_actions_destroy(&quiet);
}

static void tell_the_end(struct demo *d) {
    const struct player_counts *n = player_counts(d->player);
    fprintf(stderr, "%s", d->terminal ? "\r\033[K" : "");
    printf("%lld days lived through in %.0f s: %lu exchanges, %lu answered, %lu scored by users, %lu acts of people, %lu of them failed.\n", (long long)d->days,
           (double)(clock_real_us() - d->began_us) / 1e6, atomic_load(&n->requests), atomic_load(&n->answered), atomic_load(&n->scores), atomic_load(&n->acts),
           atomic_load(&n->acts_failed));
    if (!d->once) {
        printf("\nThe console: %s   (a demo: provider, traffic and people are simulated)\n", d->url);
        for (unsigned i = 0; i < world_people(d->world); i++) {
            const struct world_person *p = world_person_at(d->world, i);
            if (p->password.at != NULL)
                printf("  " SLICE_FMT " / " SLICE_FMT "   " SLICE_FMT "%s" SLICE_FMT "\n", SLICE_ARG(p->name), SLICE_ARG(p->password), SLICE_ARG(p->role), p->about.at ? ", " : "", SLICE_ARG(p->about));
        }
        if (world_people(d->world) > 0)
            printf("At a shell, as " SLICE_FMT ": export QUARTERDECK_URL=%s QUARTERDECK_TOKEN=%s\n", SLICE_ARG(world_person_at(d->world, 0)->name), d->url, d->tokens[0]);
        printf("From here on time is real. Ctrl-C ends it%s.\n", d->folder.kept ? "" : " and removes all of it");
    }
    fflush(stdout);
    if (!d->once) open_browser(d);
}

/* No new requests; when the last is answered, the end of the server. */
static void leave_on_loop(void *arg) {
    struct demo *d = arg;
    if (d->player == NULL || d->left) return;
    player_stop(d->player);
    if (!player_is_idle(d->player)) return;
    d->left = true;
    tell_the_end(d);
    kill(getpid(), SIGTERM);
}

static void each_second(void *ctx) {
    struct demo *d = ctx;
    if (virtual_time_is_on() || d->player == NULL) return;
    if (!d->live) {
        d->live = true;
        one_core_leave();
        if (!d->once) {
            tell_the_end(d);
            (void)loop_post(d->loop, live_on_loop, d);
        }
    }
    if (d->once) (void)loop_post(d->loop, leave_on_loop, d); /* what is under way is told of too */
}

static void server_ends(void *ctx) {
    struct demo *d = ctx;
    virtual_time_end(); /* what follows waits for threads, in real time */
    one_core_leave();
    if (d->player == NULL || !loop_post(d->loop, end_on_loop, d)) return;
    while (!atomic_load(&d->stopped)) clock_sleep_us(1000);
}

/* ---- up and down ---- */

static enum fault read_world(struct demo *d, struct error *error) {
    d->world_options = (struct world_options){.file = demo_folder_file, .ctx = &d->folder, .arena = &d->arena, .seed = d->world_options.seed, .days = d->days};
    int64_t today = clock_real_wall_us() / DAY_US * DAY_US;
    d->world_options.start_us = today - d->days * DAY_US;
    enum fault f = world_new(&d->world_options, &d->world, error);
    if (f == FAULT_NONE) f = demo_folder_fill(&d->folder, &d->world_options, error);
    if (f == FAULT_NONE && world_people(d->world) > PEOPLE) f = error_set(error, FAULT_CONFIG, "acts.yaml: more than %d people", PEOPLE);
    if (f == FAULT_NONE) give_tokens(d);
    return f;
}

static enum fault start_simulator(struct demo *d, struct error *error) {
    struct buffer script;
    char url[64];
    buffer_init(&script, SCRIPT_MOST);
    enum fault f = world_fill_in(&d->world_options, "simulator.yaml", &script, error);
    if (f == FAULT_NONE) d->loop = loop_new(error);
    if (f == FAULT_NONE && d->loop == NULL) f = error->fault;
    if (f == FAULT_NONE) {
        const struct simulator_options o = {.host = "127.0.0.1", .seed = d->world_options.seed, .script = buffer_slice(&script), .script_name = "simulator.yaml", .speed = 1};
        d->simulator = simulator_new(d->loop, &o, error);
        if (d->simulator == NULL) f = error->fault;
    }
    buffer_deinit(&script);
    if (f != FAULT_NONE) return f;
    snprintf(url, sizeof url, "http://127.0.0.1:%u", simulator_port(d->simulator));
    set_environment("SIM", url);
    if (pthread_create(&d->thread, NULL, loop_main, d) != 0) return error_set(error, FAULT_IO, "cannot start the simulator's thread");
    d->running = true;
    return FAULT_NONE;
}

static void deinit(struct demo *d) {
    virtual_time_end();
    if (d->running) {
        loop_stop(d->loop);
        pthread_join(d->thread, NULL);
    }
    if (d->simulator != NULL) simulator_free(d->simulator);
    loop_free(d->loop);
    demo_folder_remove(&d->folder);
    arena_deinit(&d->arena);
}

static int live_through(struct demo *d, const char *data, const char *listen) {
    struct error error = {.fault = FAULT_NONE};
    sigset_t signals;
    process_block_signals(&signals); /* of all threads */
    set_environment("LISTEN", listen);
    enum fault f = demo_folder_make(&d->folder, data, &error);
    set_environment("DATA", d->folder.data);
    if (f == FAULT_NONE) f = read_world(d, &error);
    if (f == FAULT_NONE) one_core_take(); /* virtual time stands while anybody works: its threads take turns */
    if (f == FAULT_NONE && !virtual_time_begin(d->world_options.start_us)) f = error_set(&error, FAULT_IO, "no descriptors are left");
    if (f == FAULT_NONE) f = start_simulator(d, &error);
    if (f != FAULT_NONE) {
        fprintf(stderr, "quarterdeck demo: %s\n", error.text);
        return 3;
    }
    fprintf(stderr, "A demo of Quarterdeck: provider, traffic and people are simulated, %lld days of them; all else is real.\n", (long long)d->days);
    return wire_run(&(struct wire_run){.config = d->folder.config, .demo = true, .ctx = d, .ready = server_is_ready, .each_second = each_second, .ending = server_ends});
}

int wire_demo(int argc, char **argv) {
    const char *listen = "127.0.0.1:4000", *data = NULL, *world = NULL;
    int64_t port = -1, days = 28, seed = 1;
    bool no_browser = false, once = false;
    const struct option_spec specs[] = {
        {.name = "listen", .letter = 'l', .type = OPTION_TEXT, .value = &listen, .metavar = "ADDR", .help = "address and port of the server"},
        {.name = "port", .type = OPTION_INTEGER, .value = &port, .metavar = "N", .help = "the port alone; 0 takes any"},
        {.name = "days", .type = OPTION_INTEGER, .value = &days, .metavar = "N", .help = "how many are lived through before today"},
        {.name = "seed", .letter = 's', .type = OPTION_INTEGER, .value = &seed, .metavar = "N", .help = "another traffic, other answers"},
        {.name = "data", .type = OPTION_TEXT, .value = &data, .metavar = "DIR", .help = "keep all of it in this new folder"},
        {.name = "world", .type = OPTION_TEXT, .value = &world, .metavar = "DIR", .help = "live through this folder instead (as examples/demo)"},
        {.name = "no-browser", .type = OPTION_FLAG, .value = &no_browser, .help = "do not open the console"},
        {.name = "once", .type = OPTION_FLAG, .value = &once, .help = "end when the present is reached"},
    };
    char address[256];
    int positional = 0, code = options_parse(argc, argv, specs, sizeof specs / sizeof specs[0], "quarterdeck demo [options]", &positional);
    if (code >= 0) return code;
    const char *colon = strrchr(listen, ':');
    if (positional > 0 || colon == NULL || strlen(listen) > 100 || port > 65535 || days < 1 || days > DAYS_MOST) {
        fprintf(stderr, "quarterdeck demo: expected an address such as 127.0.0.1:4000, a port up to 65535, and 1 to %d days\n", DAYS_MOST);
        return 2;
    }
    if (port < 0) snprintf(address, sizeof address, "%s", listen);
    else snprintf(address, sizeof address, "%.*s:%lld", (int)(colon - listen), listen, (long long)port);
    if (!digest_start()) {
        fprintf(stderr, "quarterdeck: the system has no random source\n");
        return 3;
    }
    struct demo *d = mem_new(struct demo);
    d->days = days;
    d->world_options.seed = (uint64_t)seed;
    d->once = once;
    d->browser = !no_browser;
    d->terminal = isatty(2) == 1;
    d->shown_day = -1;
    d->began_us = clock_real_us();
    d->folder.world = world;
    d->folder.arena = &d->arena;
    snprintf(d->url, sizeof d->url, "http://%s", address);
    arena_init(&d->arena, 1 << 20, ARENA_MOST);
    code = live_through(d, data, address);
    deinit(d);
    mem_free(d);
    return code;
}
