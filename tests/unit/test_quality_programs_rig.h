/* test_quality_programs_rig.h - checks handed to processes, run to their end on one loop. */
#ifndef TEST_QUALITY_PROGRAMS_RIG_H
#define TEST_QUALITY_PROGRAMS_RIG_H

#include "base/buffer.h"
#include "quality/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena arena;
static struct loop *loop;
static struct programs *programs;
static char folder[] = "/tmp/quarterdeck-programs-XXXXXX";
static unsigned n_left;

static inline void check_done(struct program_check *p) {
    assert_null(p->work);
    assert_true(p->outcome.reason.len > 0 && slice_is_utf8(p->outcome.reason));
    assert_true(p->outcome.score >= 0 && p->outcome.score <= 1);
    if (--n_left == 0) loop_stop(loop);
}

/* JSON, so that code needs no YAML around it. */
static inline struct check *declare(const char *json) {
    struct declared *d = arena_new(&arena, struct declared);
    struct check *c = arena_new(&arena, struct check);
    struct error error = {.fault = FAULT_NONE};
    if (declared_from_json(arena_slice(&arena, slice_of(json)), &arena, d, &error) != FAULT_NONE || check_read(d, 0, &arena, c, NULL, &error) != FAULT_NONE)
        fail_msg("%s: %s", json, error.text);
    return c;
}

static inline struct check *declare_code(const char *type, const char *code, const char *more) {
    struct buffer b;
    buffer_init(&b, 1 << 20);
    buffer_printf(&b, "{\"type\": \"%s\", \"value\": \"", type);
    json_escape(&b, slice_of(code));
    buffer_printf(&b, "\"%s}", more);
    struct check *c = declare(buffer_text(&b));
    buffer_deinit(&b);
    return c;
}

static const struct template_var rig_vars[] = {{{"city", 4}, {"Z\xC3\xBCrich", 7}}};
static const struct check_case rig_case = {.vars = rig_vars, .n_vars = 1, .expected = {"Bern", 4}};

static inline struct check_answer rig_answer(const char *text) {
    struct check_answer a;
    check_answer_init(&a);
    a.text = slice_of(text);
    return a;
}

static inline void hand_over(struct program_check *p, const struct check *c, const struct check_answer *a) {
    *p = (struct program_check){.check = c, .answer = a, .about = &rig_case, .case_id = SLICE("case-1"), .arena = &arena, .done = check_done};
    n_left++;
    programs_start(programs, p);
}

static inline struct check_outcome run_one(const struct check *c, const struct check_answer *a) {
    struct program_check p;
    hand_over(&p, c, a);
    loop_run(loop);
    return p.outcome;
}

/* P, F or E, the score, and words of the reason. */
static inline void rig_expect(int line, const struct check *c, const char *text, char verdict, double score, const char *words) {
    struct check_answer a = rig_answer(text);
    struct check_outcome out = run_one(c, &a);
    if ("PFE"[out.verdict] != verdict || fabs(out.score - score) > 1e-9 || (words != NULL && !slice_contains(out.reason, slice_of(words))))
        fail_msg("line %d: %c %g " SLICE_FMT, line, "PFE"[out.verdict], out.score, SLICE_ARG(out.reason));
}

static inline void write_file(const char *name, const char *text, mode_t mode) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static inline void remove_file(const char *name) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
}

static inline bool is_installed(const char *name) {
    struct buffer b;
    buffer_init(&b, 4096);
    for (const char *at = getenv("PATH"); at != NULL; at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL) {
        buffer_clear(&b);
        buffer_printf(&b, "%.*s/%s", (int)strcspn(at, ":"), at, name);
        if (access(buffer_text(&b), X_OK) != 0) continue;
        buffer_deinit(&b);
        return true;
    }
    buffer_deinit(&b);
    printf("SKIPPED: %s is not installed\n", name);
    return false;
}

static inline int rig_set_up(void **state) {
    (void)state;
    arena_init(&arena, 65536, 64 << 20);
    loop = loop_new(NULL);
    programs = programs_new(loop, folder, 4);
    return loop != NULL ? 0 : -1;
}

static inline int rig_tear_down(void **state) {
    (void)state;
    programs_free(programs);
    loop_free(loop);
    arena_deinit(&arena);
    if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD) fail_msg("a process is left");
    n_left = 0;
    return 0;
}

static inline int rig_folder(void **state) {
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static inline int rig_no_folder(void **state) {
    (void)state;
    return rmdir(folder);
}

#endif
