/* world.c - see world.h. Arrivals: the gaps (of mean 1) are laid off along the rate, minute by minute, so that an hour with twice the
 * rate gets twice the requests, in the same bursts. */
#include "sim/world_private.h"

#include "base/date.h"
#include "base/json.h"

#include <math.h>
#include <stdio.h>

enum { BODY_MOST = 4 << 20, AHEAD_DAYS = 3650 };

#define SESSION_US (120 * WORLD_MINUTE_US) /* what a user asks within such a slot is one session */
#define LABEL(w_, name_, value_) put_header(w_, arena, "x-quarterdeck-" name_ ": " SLICE_FMT, SLICE_ARG(value_))

/* ---- moments ---- */

static int weekday_of(const struct world_options *o, int64_t day) { /* 0 Monday */
    return (date_weekday(o->start_us / WORLD_DAY_US + day) + 6) % 7;
}

bool world_moment(const struct world_options *o, struct slice text, int64_t *ret_us) {
    struct slice day, time, hour, minute;
    uint64_t d, h, m;
    if (!slice_cut(slice_trim(text), ' ', &day, &time) || !slice_cut(time, ':', &hour, &minute)) return false;
    bool workday = slice_ends(day, SLICE("w"));
    if (workday) day.len--;
    if (!slice_to_u64(day, &d) || !slice_to_u64(hour, &h) || !slice_to_u64(minute, &m) || d == 0 || d > 1000 || h > 24 || m > 59) return false;
    for (d--; workday && weekday_of(o, (int64_t)d) > 4;) d++;
    *ret_us = (int64_t)d * WORLD_DAY_US + (int64_t)(h * 60 + m) * WORLD_MINUTE_US;
    return true;
}

enum fault world_fill_in(const struct world_options *o, const char *name, struct buffer *out, struct error *error) {
    struct slice text, before, after, moment;
    int64_t us;
    if (!o->file(o->ctx, name, &text)) return error_set(error, FAULT_NOT_FOUND, "%s: there is no such file", name);
    while (slice_cut(text, '{', &before, &after)) {
        buffer_append(out, before);
        const char *end = after.len > 0 && after.at[0] == '{' ? memchr(after.at, '}', after.len) : NULL;
        moment = end != NULL ? slice_make(after.at + 1, (size_t)(end - after.at) - 1) : SLICE_NULL;
        size_t behind = moment.len + 3;
        if (end != NULL && behind <= after.len && end[1] == '}' && world_moment(o, moment, &us)) {
            buffer_printf(out, "%lldm", (long long)(us / WORLD_MINUTE_US));
            text = slice_make(after.at + behind, after.len - behind);
        } else {
            buffer_byte(out, '{');
            text = after;
        }
    }
    return buffer_append(out, text) && !out->overflow ? FAULT_NONE : error_set(error, FAULT_TOO_LARGE, "%s: too large", name);
}

/* ---- the rate ---- */

/* Weight of the minute that begins at us. */
static double rate_at(const struct world *w, int64_t us) {
    int64_t day = us / WORLD_DAY_US, days = w->o->days;
    int hour = (int)(us % WORLD_DAY_US / (60 * WORLD_MINUTE_US));
    double along = day >= days ? 1 : days > 1 ? (double)day / (double)(days - 1) : 0;
    double rate = w->hours[hour] * w->weekdays[weekday_of(w->o, day)] * (1 + (w->growth - 1) * along);
    for (unsigned i = 0; i < w->n_surges; i++)
        if (us >= w->surges[i].from_us && us < w->surges[i].to_us) rate *= w->surges[i].factor;
    return rate;
}

static double next_gap(struct world *w) {
    if (w->n_gaps > 0) return w->gaps[w->index++ % w->n_gaps];
    return -log(1 - dice_unit(&w->dice));
}

/* Where the next arrival is; false: behind the last day. */
static bool walk(struct world *w, bool endless) {
    int64_t end = w->o->days * WORLD_DAY_US;
    w->owed = next_gap(w);
    for (;;) {
        int64_t minute = w->now_us - w->now_us % WORLD_MINUTE_US, left = minute + WORLD_MINUTE_US - w->now_us;
        if (w->now_us >= (endless ? end + AHEAD_DAYS * WORLD_DAY_US : end)) return false;
        double a_minute = rate_at(w, minute) * w->scale, here = a_minute * (double)left / (double)WORLD_MINUTE_US;
        if (here >= w->owed && here > 0) {
            w->now_us += (int64_t)(w->owed / a_minute * (double)WORLD_MINUTE_US);
            return true;
        }
        w->owed -= here;
        w->now_us += left;
    }
}

static struct world_kind *choose_kind(struct world *w) {
    double weights[100] = {0}, sum = 0;
    int hour = (int)(w->now_us % WORLD_DAY_US / (60 * WORLD_MINUTE_US));
    for (unsigned i = 0; i < w->n_kinds; i++) {
        const struct world_kind *k = &w->kinds[i];
        weights[i] = w->now_us >= k->from_us && w->now_us < k->to_us ? k->weight * k->hours[hour] : 0;
        sum += weights[i];
    }
    double x = dice_unit(&w->dice) * sum;
    for (unsigned i = 0; i < w->n_kinds; i++) {
        if (x < weights[i]) return &w->kinds[i];
        x -= weights[i];
    }
    return NULL; /* no kind at this hour */
}

/* ---- one request ---- */

struct filling {
    struct world *w;
    const struct world_kind *kind;
    const struct slice *row;
    uint64_t user;
};

/* {COLUMN} and {n}, the user's number; other braces stand for themselves. */
static struct slice fill(const struct filling *f, struct slice text, struct arena *arena) {
    struct buffer out;
    struct slice before, after;
    buffer_init(&out, BODY_MOST);
    while (slice_cut(text, '{', &before, &after)) {
        const char *end = memchr(after.at, '}', after.len);
        struct slice name = end != NULL ? slice_make(after.at, (size_t)(end - after.at)) : SLICE_NULL, value = SLICE_NULL;
        char digits[24];
        snprintf(digits, sizeof digits, "%llu", (unsigned long long)f->user);
        if (slice_is(name, "n")) value = slice_of(digits);
        for (unsigned c = 0; f->row != NULL && end != NULL && c < f->kind->rows->n_columns; c++)
            if (slice_eq(f->kind->rows->columns[c], name)) value = f->row[c];
        buffer_append(&out, before);
        if (value.at == NULL) buffer_byte(&out, '{');
        else buffer_append(&out, value);
        text = value.at == NULL ? after : slice_make(end + 1, after.len - name.len - 1);
    }
    buffer_append(&out, text);
    struct slice filled = arena_slice(arena, buffer_slice(&out));
    buffer_deinit(&out);
    return filled.at != NULL ? filled : SLICE("");
}

static const struct slice *draw_row(struct world *w, const struct world_kind *k) {
    return k->rows != NULL ? k->rows->at[k->chosen[dice_below(&w->dice, k->n_chosen)]] : NULL;
}

static void message(struct json_writer *j, const char *role, struct slice text) {
    json_object(j);
    json_member_text(j, "role", role);
    json_member_string(j, "content", text);
    json_object_end(j);
}

static unsigned turns(struct world *w, const struct world_kind *k) {
    double along = (double)(w->now_us - k->history.from_us) / (double)(k->history.to_us - k->history.from_us);
    along = along < 0 ? 0 : along > 1 ? 1 : along;
    double n = k->history.first + (k->history.last - k->history.first) * along, whole = floor(n);
    return (unsigned)whole + dice_chance(&w->dice, n - whole);
}

static void put_messages(const struct filling *f, struct json_writer *j, bool anthropic, struct arena *arena) {
    struct world *w = f->w;
    const struct world_kind *k = f->kind;
    if (k->user.at == NULL) return;
    if (anthropic && k->system.at != NULL) json_member_string(j, "system", fill(f, k->system, arena));
    json_key(j, "messages");
    json_array(j);
    if (!anthropic && k->system.at != NULL) message(j, "system", fill(f, k->system, arena));
    for (unsigned n = k->history.answer.at != NULL ? turns(w, k) : 0; n > 0; n--) {
        struct filling earlier = *f;
        earlier.row = draw_row(w, k);
        message(j, "user", fill(&earlier, k->user, arena));
        message(j, "assistant", fill(&earlier, k->history.answer, arena));
    }
    message(j, "user", fill(f, k->user, arena));
    json_array_end(j);
}

static struct slice make_body(const struct filling *f, bool stream, struct arena *arena) {
    const struct world_kind *k = f->kind;
    bool anthropic = slice_ends(k->path, SLICE("/messages"));
    struct buffer out;
    struct json_writer j;
    buffer_init(&out, BODY_MOST);
    json_start(&j, &out);
    json_object(&j);
    if (k->model.at != NULL) json_member_string(&j, "model", k->model);
    put_messages(f, &j, anthropic, arena);
    if (k->variables != NULL) {
        json_key(&j, "prompt_variables");
        json_object(&j);
        for (const struct yaml_node *v = k->variables->first; v != NULL; v = v->next) {
            json_key_slice(&j, v->key);
            json_put_string(&j, fill(f, v->text, arena));
        }
        json_object_end(&j);
    }
    if (stream) json_member_bool(&j, "stream", true);
    if (stream && !anthropic) json_member_raw(&j, "stream_options", SLICE("{\"include_usage\":true}"));
    json_object_end(&j);
    if (k->extra.len > 0) { /* members as they stand, before the end */
        out.len--;
        buffer_append(&out, out.at[out.len - 1] == '{' ? SLICE("") : SLICE(","));
        buffer_append(&out, k->extra);
        buffer_byte(&out, '}');
    }
    struct slice body = arena_slice(arena, buffer_slice(&out));
    buffer_deinit(&out);
    return body.at != NULL ? body : SLICE("{}");
}

static void put_header(struct world_request *q, struct arena *arena, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void put_header(struct world_request *q, struct arena *arena, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    unsigned i = 0;
    while (q->headers[i] != NULL) i++;
    if (i < WORLD_HEADERS && n > 0 && (size_t)n < sizeof text) q->headers[i] = arena_text(arena, slice_make(text, (size_t)n));
}

static void put_headers(const struct filling *f, struct world_request *q, struct arena *arena) {
    const struct world_kind *k = f->kind;
    char tags[512];
    size_t len = 0;
    put_header(q, arena, "authorization: Bearer " SLICE_FMT, SLICE_ARG(k->key));
    put_header(q, arena, "content-type: application/json");
    if (slice_ends(k->path, SLICE("/messages"))) put_header(q, arena, "anthropic-version: 2023-06-01");
    if (k->prompt.at != NULL) LABEL(q, "prompt", k->prompt);
    if (k->request_type.at != NULL) LABEL(q, "request-type", k->request_type);
    if (k->feature.at != NULL) LABEL(q, "feature", k->feature);
    if (k->team.at != NULL) LABEL(q, "team", k->team);
    if (k->users > 0) {
        put_header(q, arena, "x-quarterdeck-user: " SLICE_FMT "%llu", SLICE_ARG(k->user_prefix), (unsigned long long)f->user);
        put_header(q, arena, "x-quarterdeck-session: " SLICE_FMT "%llu-%lld", SLICE_ARG(k->user_prefix), (unsigned long long)f->user,
                   (long long)(q->at_us / SESSION_US));
    }
    for (const struct yaml_node *t = k->tags != NULL ? k->tags->first : NULL; t != NULL && len < sizeof tags; t = t->next)
        len += (size_t)snprintf(tags + len, sizeof tags - len, "%s" SLICE_FMT "=" SLICE_FMT, len > 0 ? "," : "", SLICE_ARG(t->key), SLICE_ARG(t->text));
    if (len > 0 && len < sizeof tags) put_header(q, arena, "x-quarterdeck-tags: %s", tags);
}

bool world_request_next(struct world *w, bool endless, struct arena *arena, struct world_request *ret) {
    struct world_kind *k = NULL;
    while (k == NULL)
        if (!walk(w, endless)) return false;
        else k = choose_kind(w);
    struct filling f = {.w = w, .kind = k, .row = draw_row(w, k), .user = k->users > 0 ? 1 + dice_below(&w->dice, (uint64_t)k->users) : 0};
    bool scored = k->scores.by.at != NULL && dice_chance(&w->dice, k->scores.share);
    bool stream = dice_chance(&w->dice, k->stream) && !scored; /* what is judged is read as a whole */
    *ret = (struct world_request){.at_us = w->now_us, .kind = k->name, .path = arena_text(arena, k->path)};
    ret->body = make_body(&f, stream, arena);
    put_headers(&f, ret, arena);
    ret->score = (struct world_score){.given = scored, .name = k->scores.name, .by = k->scores.by, .taste = &k->scores.taste, .luck = dice_unit(&w->dice), .after_us = k->scores.after_us};
    return true;
}

static double good_is(const struct world_taste *t, struct slice answer) {
    for (unsigned i = 0; i < t->n_when; i++)
        if (slice_contains_nocase(answer, t->when[i].contains)) return t->when[i].good;
    return t->good;
}

double world_score_value(const struct world_score *s, struct slice answer) { return s->luck < good_is(s->taste, answer) ? 1 : 0; }
bool world_passes(struct world *w, const struct world_act *act, struct slice answer) { return dice_chance(&w->labels, good_is(act->label, answer)); }

/* ---- the whole ---- */

enum fault world_new(const struct world_options *o, struct world **ret, struct error *error) {
    struct world *w = arena_new(o->arena, struct world);
    double sum = 0;
    if (w == NULL) return error_set(error, FAULT_TOO_LARGE, "no memory is left for the demo's files");
    w->o = o;
    w->dice = dice_of(o->seed, 7);
    w->labels = dice_of(o->seed, 8);
    enum fault f = world_read(w, error);
    if (f != FAULT_NONE) return f;
    for (int64_t us = 0; us < o->days * WORLD_DAY_US; us += WORLD_MINUTE_US) sum += rate_at(w, us);
    double chosen = 0;
    for (unsigned i = 0; i < w->n_kinds; i++) chosen += w->kinds[i].weight;
    if (!(sum > 0) || !(chosen > 0)) return error_set(error, FAULT_CONFIG, "traffic.yaml: hours, weekdays and weights leave no traffic");
    w->scale = w->requests * (double)o->days / 28 / sum;
    *ret = w;
    return FAULT_NONE;
}

void world_go_live(struct world *w, int64_t now_us) {
    if (now_us > w->now_us) w->now_us = now_us;
    double rate = rate_at(w, now_us - now_us % WORLD_MINUTE_US) * w->scale;
    if (w->live_a_minute > 0 && rate > 0) w->scale *= w->live_a_minute / rate;
}

unsigned world_acts(const struct world *w) { return w->n_acts; }
const struct world_act *world_act_at(const struct world *w, unsigned i) { return &w->acts[i]; }
unsigned world_people(const struct world *w) { return w->n_people; }
const struct world_person *world_person_at(const struct world *w, unsigned i) { return &w->people[i]; }
