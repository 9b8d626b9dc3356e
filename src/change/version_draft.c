/* What a version would be, and making it. See versions.h. */
#include "change/versions.h"

#include "base/money.h"

#include <math.h>
#include <stdio.h>

enum { HEX = 2 * DIGEST_BYTES + 1 };

/* ---- what is there ---- */

static enum fault find_number(const struct version_work *k, const struct version_file *f, int64_t number, struct change_version *ret, struct error *error) {
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    return changes_version(k->registry, f->kind, f->name, slice_of(text), k->arena, ret, error);
}

/* Parent: what is in production, else the newest. */
static enum fault find_parent(const struct version_work *k, const struct version_file *f, const struct change_subject *s, struct change_version *ret, struct error *error) {
    struct change_version *all;
    unsigned n = 0;
    if (s->production != 0) return find_number(k, f, s->production, ret, error);
    enum fault fault = changes_versions(k->registry, f->kind, f->name, 1, k->arena, &all, &n, error);
    if (fault == FAULT_NONE && n > 0) *ret = all[0];
    return fault;
}

static enum fault find_same(const struct version_work *k, const struct version_file *f, struct version_draft *d, struct error *error) {
    char hex[HEX];
    digest_hex(f->digest.bytes, DIGEST_BYTES, hex);
    enum fault fault = changes_version(k->registry, f->kind, f->name, slice_of(hex), k->arena, &d->version, error);
    d->same = fault == FAULT_NONE;
    return fault == FAULT_NOT_FOUND ? FAULT_NONE : fault;
}

/* ---- what it changes of another one ---- */

static enum fault class_of(const struct version_work *k, const struct change_version *before, const struct version_file *f, struct classification *ret, struct error *error) {
    bool manifest = slice_is(f->kind, "knowledge"), any = before->version != 0;
    struct prompt prompt = {.n_messages = 0};
    struct manifest documents = {.n_documents = 0};
    enum fault fault = !any ? FAULT_NONE : manifest ? version_manifest(before, k->arena, &documents, error) : version_prompt(before, k->arena, &prompt, error);
    if (fault != FAULT_NONE) return fault;
    fault = manifest ? classify_manifest(any ? &documents : NULL, &f->manifest, k->arena, ret) : classify_prompt(any ? &prompt : NULL, &f->prompt, k->arena, ret);
    return fault == FAULT_NONE ? fault : error_set(error, fault, "the versions of " SLICE_FMT " are too large to be compared", SLICE_ARG(f->name));
}

/* ---- the best ---- */

/* Mean pass rate of the suites that the file names, as the version's last gate had them; NAN where one of them was not run. */
static double rate_of(const struct change_version *v, const struct version_file *f, struct arena *arena) {
    struct json_doc d;
    double sum = 0;
    if (slice_is_null(v->gate) || f->n_suites == 0 || json_read(v->gate, arena, UINT16_MAX, &d, NULL) != FAULT_NONE) return NAN;
    for (unsigned i = 0; i < f->n_suites; i++) {
        uint32_t cursor = JSON_NONE, item;
        double rate = NAN, one;
        while (json_each_item(&d, json_get(&d, 0, "suites"), &cursor, &item))
            if (slice_eq(json_string(&d, json_get(&d, item, "suite"), arena), f->suites[i]) && json_get_double(&d, json_get(&d, item, "pass_rate"), &one)) rate = one;
        sum += rate;
    }
    return sum / f->n_suites;
}

/* Of those that passed as much, the newest. */
static enum fault find_best(const struct version_work *k, const struct version_file *f, struct change_version *ret, double *ret_rate, struct error *error) {
    struct change_version *all;
    unsigned n = 0;
    int64_t best = 0;
    enum fault fault = changes_heads(k->registry, f->kind, f->name, k->arena, &all, &n, error);
    for (unsigned i = 0; i < n && fault == FAULT_NONE; i++) {
        double rate = rate_of(&all[i], f, k->arena);
        if (isnan(rate) || (best != 0 && rate <= *ret_rate)) continue;
        best = all[i].version;
        *ret_rate = rate;
    }
    if (fault != FAULT_NONE || best == 0) return fault;
    if (slice_is(f->kind, "prompt")) return find_number(k, f, best, ret, error);
    for (unsigned i = 0; i < n; i++)
        if (all[i].version == best) *ret = all[i]; /* without its documents */
    return fault;
}

/* ---- facts ---- */

static void put_usd(struct json_writer *w, const char *key, int64_t nano) {
    char text[MONEY_TEXT];
    money_format(nano, text);
    json_member_raw(w, key, slice_of(text));
}

/* `rate`: of its gate; NAN: not told. */
static void put_against(const struct version_work *k, struct json_writer *w, const char *as, const struct change_version *with, const struct version_draft *d, double rate) {
    const struct version_price *now = &d->price;
    struct classification class;
    json_key(w, as);
    if (with->version == 0) {
        json_put_null(w);
        return;
    }
    bool counted = with->tokens >= 0 && now->tokens >= 0, priced = money_is_known(with->cost_nano) && money_is_known(now->cost_nano);
    json_object(w);
    json_member_i64(w, "version", with->version);
    json_key(w, "tokens");
    if (with->tokens >= 0) json_put_i64(w, with->tokens);
    else json_put_null(w);
    put_usd(w, "cost_per_call_usd", with->cost_nano);
    json_key(w, "tokens_more");
    if (counted) json_put_i64(w, now->tokens - with->tokens);
    else json_put_null(w);
    put_usd(w, "cost_more_usd", priced ? now->cost_nano - with->cost_nano : MONEY_UNKNOWN);
    json_member_double(w, "tokens_more_share", counted && with->tokens > 0 ? (double)(now->tokens - with->tokens) / (double)with->tokens : NAN);
    bool prompt = slice_is(d->file->kind, "prompt"), parent = with->version == d->parent.version; /* manifests are large: one comparison */
    bool classified = parent || (prompt && class_of(k, with, d->file, &class, NULL) == FAULT_NONE);
    json_member_text(w, "class", classified ? change_class_name(parent ? d->class.class : class.class) : NULL);
    json_member_double(w, "pass_rate", rate);
    json_object_end(w);
}

static struct slice facts_of(const struct version_work *k, const struct version_draft *d, const struct change_version *launched, const struct change_version *best,
                             double rate) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, LIMIT_CONFIG_FILE);
    json_start(&w, &out);
    json_object(&w);
    json_key(&w, "class_reasons");
    json_array(&w);
    for (unsigned i = 0; i < d->class.n_reasons; i++) json_put_string(&w, d->class.reasons[i]);
    json_array_end(&w);
    json_key(&w, "lint");
    lint_write(d->notes, d->n_notes, &w);
    json_key(&w, "suites");
    json_array(&w);
    for (unsigned i = 0; i < d->file->n_suites; i++) json_put_string(&w, d->file->suites[i]);
    json_array_end(&w);
    json_key(&w, "counted");
    json_object(&w);
    json_member_string(&w, "encoding", d->price.encoding);
    json_member_bool(&w, "exact", d->price.exact);
    json_member_string(&w, "provider", d->price.provider);
    json_member_string(&w, "model", d->price.model);
    json_object_end(&w);
    json_key(&w, "compared");
    json_object(&w);
    put_against(k, &w, "parent", &d->parent, d, NAN);
    put_against(k, &w, "launched", launched, d, NAN);
    put_against(k, &w, "best", best, d, rate);
    json_object_end(&w);
    json_object_end(&w);
    struct slice text = out.overflow ? SLICE_NULL : arena_slice(k->arena, buffer_slice(&out));
    buffer_deinit(&out);
    return text;
}

/* ---- the same content with other suites ---- */

static bool same_suites(const struct json_doc *d, uint32_t list, const struct version_file *f, struct arena *arena) {
    uint32_t cursor = JSON_NONE, item;
    unsigned n = 0;
    while (json_each_item(d, list, &cursor, &item))
        if (n >= f->n_suites || !slice_eq(json_string(d, item, arena), f->suites[n++])) return false;
    return n == f->n_suites;
}

/* The kept facts with the file's suites. */
static struct slice rebound(const struct json_doc *d, const struct version_file *f, struct arena *arena) {
    struct buffer out;
    struct json_writer w;
    uint32_t cursor = JSON_NONE, key, value;
    buffer_init(&out, LIMIT_CONFIG_FILE);
    json_start(&w, &out);
    json_object(&w);
    while (json_each_member(d, 0, &cursor, &key, &value)) {
        if (json_is(d, key, "suites")) continue;
        json_key_slice(&w, json_string(d, key, arena));
        json_put_raw(&w, json_raw(d, value));
    }
    json_key(&w, "suites");
    json_array(&w);
    for (unsigned i = 0; i < f->n_suites; i++) json_put_string(&w, f->suites[i]);
    json_array_end(&w);
    json_object_end(&w);
    struct slice text = out.overflow ? SLICE_NULL : arena_slice(arena, buffer_slice(&out));
    buffer_deinit(&out);
    return text;
}

static enum fault bind(const struct version_work *k, const struct version_file *f, struct version_draft *d, struct error *error) {
    struct json_doc doc;
    struct change_version *v = &d->version;
    enum fault fault = json_read(v->facts.len > 0 ? v->facts : SLICE("{}"), k->arena, UINT16_MAX, &doc, error);
    if (fault != FAULT_NONE) return fault;
    if (same_suites(&doc, json_get(&doc, 0, "suites"), f, k->arena) && slice_eq(v->owner, f->owner)) return FAULT_NONE;
    d->bound = true;
    v->facts = rebound(&doc, f, k->arena);
    v->owner = f->owner;
    return v->facts.at != NULL ? FAULT_NONE : error_set(error, FAULT_TOO_LARGE, "what there is to say of the version does not fit into its memory");
}

/* ---- the draft ---- */

static enum fault examine(const struct version_work *k, const struct version_file *f, struct version_draft *d, int64_t launched_tokens, struct error *error) {
    if (slice_is(f->kind, "knowledge")) return FAULT_NONE;
    version_price(&f->prompt, k->policy, k->learned, k->at_us, k->arena, &d->price);
    enum fault fault = lint_prompt(&f->prompt, d->price.tokens, launched_tokens, k->arena, &d->notes, &d->n_notes);
    if (fault != FAULT_NONE) return error_set(error, fault, "the prompt does not fit into its memory");
    for (unsigned i = 0; i < d->n_notes; i++) d->refused = d->refused || (d->notes[i].error && !k->allow_secrets);
    return FAULT_NONE;
}

static void fill_in(const struct version_work *k, const struct version_file *f, struct version_draft *d) {
    struct change_version *v = &d->version;
    v->kind = f->kind, v->name = f->name, v->digest = f->digest, v->body = f->body, v->human = f->human, v->owner = f->owner;
    v->state = VERSION_DRAFT;
    v->parent = d->parent.version;
    v->class_computed = v->class_raised = (int)d->class.class;
    v->author = k->author.at != NULL ? k->author : slice_of(k->actor);
    v->applied_by = slice_of(k->actor);
    v->why = k->why, v->ticket = k->ticket, v->commit = k->commit;
    v->created_us = k->at_us;
    v->tokens = d->price.tokens;
    v->cost_nano = d->price.cost_nano;
}

enum fault version_draft(const struct version_work *k, const struct version_file *f, struct version_draft *ret, struct error *error) {
    struct version_draft d = {.file = f, .price = {.tokens = -1, .cost_nano = MONEY_UNKNOWN}};
    struct change_subject subject = {.revision = 0};
    struct change_version launched = {.tokens = -1}, best = {.tokens = -1};
    double rate = NAN;
    enum fault fault = changes_subject(k->registry, f->kind, f->name, k->arena, &subject, error);
    d.first = fault == FAULT_NOT_FOUND;
    if (d.first) fault = FAULT_NONE;
    else if (fault == FAULT_NONE) fault = find_same(k, f, &d, error);
    if (fault == FAULT_NONE && !d.first) fault = find_parent(k, f, &subject, &d.parent, error);
    if (fault == FAULT_NONE && subject.launched != 0) fault = find_number(k, f, subject.launched, &launched, error);
    if (fault == FAULT_NONE && !d.first) fault = find_best(k, f, &best, &rate, error);
    if (fault == FAULT_NONE) fault = class_of(k, &d.parent, f, &d.class, error);
    if (fault == FAULT_NONE) fault = examine(k, f, &d, launched.tokens, error);
    if (fault != FAULT_NONE) return fault;
    if (!d.same) {
        fill_in(k, f, &d);
        d.version.facts = facts_of(k, &d, &launched, &best, rate);
        if (d.version.facts.at == NULL) return error_set(error, FAULT_TOO_LARGE, "what there is to say of the version does not fit into its memory");
    }
    if (d.same) fault = bind(k, f, &d, error);
    if (fault == FAULT_NONE) *ret = d;
    return fault;
}

enum fault version_make(const struct version_work *k, struct version_draft *d, bool *ret_new, struct error *error) {
    *ret_new = false;
    if (d->same && !d->bound) return FAULT_NONE;
    if (!d->same && d->refused) return error_set(error, FAULT_BAD_REQUEST, "lint refuses it; see the notes");
    bool prompt = slice_is(d->file->kind, "prompt");
    struct change c = {.kind = d->file->kind, .name = d->file->name};
    if (d->same) c.facts_version = d->version.version, c.facts = d->version.facts, c.owner = d->version.owner, c.how = SLICE("bound to other suites, or another owner");
    else c.add = &d->version, c.how = SLICE("a new version");
    c.audit = (struct audit_entry){.at_us = k->at_us, .actor = slice_of(k->actor), .reason = k->why,
                                   .action = d->same ? (prompt ? SLICE("prompt.bind") : SLICE("knowledge.bind")) : (prompt ? SLICE("prompt.apply") : SLICE("knowledge.apply"))};
    return changes_commit(k->registry, &c, ret_new, error);
}
