#include "quality/programs_private.h"

#include "base/mem.h"
#include "quality/text.h"

#include <stdio.h>

/* ---- the end of a check ---- */

void programs_finish(struct program_work *w) {
    struct programs *p = w->owner;
    if (arena_is_full(w->check->arena))
        w->check->outcome = (struct check_outcome){.verdict = CHECK_ERROR, .reason = SLICE("the outcome does not fit into the memory of a check")};
    list_remove(&w->link);
    list_push(&p->finished, &w->link);
    loop_timer_start(p->loop, &p->soon, 0);
}

void programs_fail(struct program_work *w, struct slice why) {
    w->check->outcome = (struct check_outcome){.verdict = CHECK_ERROR, .reason = text_excerpt(why, 1000, w->check->arena)};
    programs_finish(w);
}

static void drop(struct program_work *w) {
    list_remove(&w->link);
    child_deinit(&w->child);
    mem_free(w);
}

/* Those that finish meanwhile have their turn next time. */
static void tell_finished(struct loop_timer *t) {
    struct programs *p = list_item(t, struct programs, soon);
    struct list now, *first;
    list_init(&now);
    while ((first = list_shift(&p->finished)) != NULL) list_push(&now, first);
    while ((first = list_shift(&now)) != NULL) {
        struct program_work *w = list_item(first, struct program_work, link);
        struct program_check *check = w->check;
        check->work = NULL;
        drop(w);
        check->done(check);
    }
}

/* ---- exec ---- */

static void start_waiting(struct programs *p);

static void read_said(struct program_work *w) {
    struct slice said = slice_trim(buffer_slice(&w->child.said));
    struct arena scratch;
    struct json_doc d;
    struct error why = {.fault = FAULT_NONE};
    char words[LIMIT_ERROR_TEXT + 256];
    arena_init(&scratch, 4 << 10, 32 << 20);
    if (json_read(said, &scratch, UINT16_MAX, &d, &why) != FAULT_NONE) {
        struct slice found = text_excerpt(said, 120, w->check->arena);
        (void)snprintf(words, sizeof words, "%s: expected true, false, a number or {pass, score, reason} as JSON, found %s%.*s%s",
                       w->check->check->run[0], said.len > 0 ? "`" : "nothing", SLICE_ARG(found), said.len > 0 ? "`" : "");
        programs_fail(w, slice_of(words));
    } else if (program_read_verdict(w->check, &d, 0, &w->check->outcome, &why)) {
        w->check->outcome.reason = arena_slice(w->check->arena, w->check->outcome.reason);
        programs_finish(w);
    } else {
        (void)snprintf(words, sizeof words, "%s: %s", w->check->check->run[0], why.text);
        programs_fail(w, slice_of(words));
    }
    arena_deinit(&scratch);
}

static void program_ended(struct child *c) {
    struct program_work *w = list_item(c, struct program_work, child);
    struct programs *p = w->owner;
    struct buffer words;
    p->n_running--;
    if (c->end == CHILD_EXITED && c->status == 0) {
        read_said(w);
    } else {
        char limit[32];
        (void)snprintf(limit, sizeof limit, " (timeout: %gs)", (double)w->check->check->timeout_us / 1e6);
        buffer_init(&words, 4096);
        child_describe(c, w->check->check->run[0], &words);
        if (c->end == CHILD_LATE) buffer_append(&words, slice_of(limit));
        programs_fail(w, buffer_slice(&words));
        buffer_deinit(&words);
    }
    start_waiting(p);
}

static void start_exec(struct program_work *w) {
    struct programs *p = w->owner;
    struct child_options o = {.argv = w->check->check->run, .dir = p->dir, .max_said = LIMIT_PROGRAM_SAYS, .max_memory = LIMIT_PROGRAM_MEMORY};
    struct error why = {.fault = FAULT_NONE};
    struct json_writer json;
    struct buffer about;
    buffer_init(&about, LIMIT_PROGRAM_TOLD);
    json_start(&json, &about);
    program_write_about(w->check, &json);
    buffer_byte(&about, '\n');
    w->child.ended = program_ended;
    if (about.overflow) {
        programs_fail(w, SLICE("the case and its answer are too large for a program"));
    } else if (child_start(&w->child, p->loop, &o, &why) != FAULT_NONE) {
        programs_fail(w, slice_of(why.text));
    } else {
        p->n_running++;
        list_push(&p->running, &w->link);
        child_limit(&w->child, w->check->check->timeout_us);
        child_tell(&w->child, buffer_slice(&about));
        child_end_input(&w->child);
    }
    buffer_deinit(&about);
}

static void start_waiting(struct programs *p) {
    struct list *first;
    while (p->n_running < p->at_once && (first = list_shift(&p->waiting)) != NULL) start_exec(list_item(first, struct program_work, link));
}

/* ---- all of them ---- */

extern const char embed_data_checks_host_js[], embed_data_checks_host_py[];

struct programs *programs_new(struct loop *l, const char *dir, unsigned at_once) {
    static const char *const node[] = {"node", "--max-old-space-size=1024", "-e", embed_data_checks_host_js, NULL};
    static const char *const python[] = {"python3", "-c", embed_data_checks_host_py, NULL};
    struct programs *p = mem_new(struct programs);
    p->loop = l;
    p->dir = dir != NULL ? mem_text(dir) : NULL;
    p->at_once = at_once > 0 ? at_once : 1;
    p->soon.fired = tell_finished;
    list_init(&p->waiting);
    list_init(&p->running);
    list_init(&p->finished);
    host_init(&p->node, p, node);
    host_init(&p->python, p, python);
    return p;
}

static void drop_all(struct list *head) {
    while (!list_empty(head)) drop(list_item(head->next, struct program_work, link));
}

void programs_free(struct programs *p) {
    if (p == NULL) return;
    loop_timer_stop(p->loop, &p->soon);
    for (struct list *at = p->running.next; at != &p->running; at = at->next)
        child_kill(&list_item(at, struct program_work, link)->child); /* all at once, then one by one */
    drop_all(&p->running);
    drop_all(&p->waiting);
    drop_all(&p->finished);
    host_deinit(&p->node);
    host_deinit(&p->python);
    mem_free(p->dir);
    mem_free(p);
}

void programs_start(struct programs *p, struct program_check *c) {
    struct program_work *w = mem_new(struct program_work);
    w->owner = p;
    w->check = c;
    list_init(&w->link);
    c->work = w;
    switch (c->check->type) {
    case CHECK_TYPE_EXEC:
        list_push(&p->waiting, &w->link);
        start_waiting(p);
        break;
    case CHECK_TYPE_JAVASCRIPT: host_add(&p->node, w); break;
    case CHECK_TYPE_PYTHON: host_add(&p->python, w); break;
    default: programs_fail(w, SLICE("this check is not decided by a program"));
    }
}
