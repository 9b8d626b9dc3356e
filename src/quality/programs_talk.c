#include "quality/programs_private.h"
#include "quality/text.h"

#include <math.h>

enum { REASON = 1000, SHOWN = 120 /* code points */ };

/* ---- what it is told ---- */

/* The arguments as the model wrote them: JSON when they are, else text. */
static void put_arguments(struct slice text, struct json_writer *w) {
    struct arena scratch;
    struct json_doc d;
    arena_init(&scratch, 4 << 10, 64 << 10);
    if (json_read(text, &scratch, 0, &d, NULL) == FAULT_NONE) json_put_raw(w, slice_trim(text));
    else json_put_string(w, text);
    arena_deinit(&scratch);
}

static void put_calls(const struct check_answer *a, struct json_writer *w) {
    json_key(w, "tool_calls");
    json_array(w);
    for (unsigned i = 0; i < a->n_calls; i++) {
        json_object(w);
        json_member_string(w, "name", a->calls[i].name);
        json_key(w, "arguments");
        put_arguments(a->calls[i].arguments, w);
        json_object_end(w);
    }
    json_array_end(w);
}

static void put_vars(const struct check_case *k, struct json_writer *w) {
    json_key(w, "vars");
    json_object(w);
    for (unsigned i = 0; i < k->n_vars; i++) {
        json_key_slice(w, k->vars[i].name);
        json_put_string(w, k->vars[i].value);
    }
    json_object_end(w);
}

void program_write_about(const struct program_check *p, struct json_writer *w) {
    const struct check_answer *a = p->answer;
    char cost[MONEY_TEXT];
    json_object(w);
    json_member_string(w, "output", a->text);
    json_member_string(w, "expected", p->about->expected);
    json_member_string(w, "context", p->about->context);
    put_vars(p->about, w);
    json_member_string(w, "case", p->case_id);
    put_calls(a, w);
    json_member_text(w, "finish_reason", finish_name(a->finish));
    json_key(w, "latency_ms");
    if (a->latency_us < 0) json_put_null(w);
    else json_put_double(w, (double)a->latency_us / 1e3);
    json_key(w, "cost_usd");
    if (!money_is_known(a->cost_nano)) {
        json_put_null(w);
    } else {
        money_format(a->cost_nano, cost);
        json_put_raw(w, slice_of(cost));
    }
    json_object_end(w);
}

/* ---- what it says ---- */

static const char *name_of(const struct program_check *p) { return check_kinds[p->check->type].name; }

/* With words of its own, else what the verdict is and of what. */
static struct slice reason_of(const struct program_check *p, struct slice said, double score, bool pass) {
    const struct check *c = p->check;
    struct slice what = c->n_texts > 0 ? c->texts[0].text : slice_of(c->run != NULL ? c->run[0] : "");
    if (slice_trim(said).len > 0) return text_excerpt(said, REASON, p->arena);
    return arena_printf(p->arena, "%s said %s, a score of %g: `" SLICE_FMT "`", name_of(p), pass ? "pass" : "fail", score,
                        SLICE_ARG(text_excerpt(slice_trim(what), SHOWN, p->arena)));
}

static bool bad(const struct program_check *p, const struct json_doc *d, uint32_t node, struct error *error) {
    struct slice found = text_excerpt(json_raw(d, node), SHOWN, p->arena);
    (void)error_set(error, FAULT_UP_MALFORMED, "expected true, false, a number from 0 to 1 or {pass, score, reason}, found " SLICE_FMT,
                    SLICE_ARG(found));
    return false;
}

/* Of an object: what it says of passing counts, and the threshold as well when there is one. A score alone needs a threshold. */
static bool read_object(const struct program_check *p, const struct json_doc *d, uint32_t node, double *score, bool *pass,
                        struct error *error) {
    uint32_t said = json_get(d, node, "pass"), number = json_get(d, node, "score");
    bool has_pass = json_get_bool(d, said, pass), has_score = json_get_double(d, number, score);
    if ((!has_pass && said != JSON_NONE) || (!has_score && json_type(d, number) > JSON_NULL)) return bad(p, d, node, error);
    if (!has_pass && !has_score) return bad(p, d, node, error);
    if (!has_pass && isnan(p->check->threshold)) {
        (void)error_set(error, FAULT_UP_MALFORMED, "expected `pass`, or a check with a `threshold`, found a score alone: %g", *score);
        return false;
    }
    if (!has_pass) *pass = true;
    if (!has_score) *score = *pass;
    return true;
}

bool program_read_verdict(const struct program_check *p, const struct json_doc *d, uint32_t node, struct check_outcome *ret,
                          struct error *error) {
    struct check c = *p->check;
    struct slice words = SLICE_NULL;
    double score = 0;
    bool pass = false;
    switch (json_type(d, node)) {
    case JSON_TRUE:
    case JSON_FALSE:
        (void)json_get_bool(d, node, &pass);
        score = pass;
        break;
    case JSON_NUMBER:
        if (!json_get_double(d, node, &score)) return bad(p, d, node, error);
        pass = !isnan(c.threshold) || score > 0; /* as promptfoo has it */
        break;
    case JSON_OBJECT:
        if (!read_object(p, d, node, &score, &pass, error)) return false;
        words = json_string(d, json_get(d, node, "reason"), p->arena);
        break;
    default: return bad(p, d, node, error);
    }
    if (!(score >= 0 && score <= 1)) return bad(p, d, node, error);
    if (!isnan(c.threshold)) pass = pass && score >= c.threshold;
    c.threshold = (double)NAN;
    check_conclude(&c, score, pass, reason_of(p, words, score, pass), ret);
    return true;
}
