/* Reports against sums over the records themselves, to the nano-dollar. */
#include "test_cost_rig.h"

#include "base/json.h"

struct context {
    struct rig *rig;
    struct ledger *ledger;
    struct record *all;
};

static int setup(void **state) {
    void *rig = NULL;
    if (rig_setup(&rig) != 0) return -1;
    struct context *x = test_calloc(1, sizeof *x);
    x->rig = rig;
    x->ledger = rig_ledger(x->rig);
    x->all = cost_fill(x->rig, x->ledger);
    *state = x;
    return 0;
}

/* All days are over: their sums are there by longer times and by fewer dimensions too. */
static int setup_folded(void **state) {
    if (setup(state) != 0) return -1;
    struct context *x = *state;
    unsigned n = 0;
    while (ledger_fold(x->ledger, RIG_START + COST_SPAN + 2 * RIG_DAY)) n++;
    return n >= COST_SPAN / RIG_DAY ? 0 : -1;
}

static int teardown(void **state) {
    struct context *x = *state;
    void *rig = x->rig;
    ledger_close(x->ledger);
    test_free(x->all);
    rig_teardown(&rig);
    test_free(x);
    return 0;
}

/* ---- the same by hand ---- */

static const char *text_of(const struct record *r, int dimension, char *room) {
    static const char *const absent = NULL;
    struct slice s = SLICE_NULL;
    switch (dimension) {
    case SPEND_BY_APPLICATION: s = r->application; break;
    case SPEND_BY_TEAM: s = r->team; break;
    case SPEND_BY_FEATURE: s = r->feature; break;
    case SPEND_BY_USER: s = r->user; break;
    case SPEND_BY_KEY: s = r->key; break;
    case SPEND_BY_MODEL: s = r->model; break;
    case SPEND_BY_PROVIDER: s = r->provider; break;
    case SPEND_BY_TARGET_MODEL: s = r->target_model; break;
    case SPEND_BY_REQUEST_TYPE: s = r->request_type; break;
    case SPEND_BY_PROMPT: return slice_is_null(r->prompt_name) ? absent : "reply@7";
    case SPEND_BY_SYSTEM_PROMPT:
        if (!r->has_system_prompt) return absent;
        digest_hex(r->system_prompt_hash, 16, room);
        return room;
    default: return absent;
    }
    if (slice_is_null(s)) return absent;
    snprintf(room, 64, SLICE_FMT, SLICE_ARG(s));
    return room;
}

static bool same(const char *text, struct slice name) {
    return text == NULL ? slice_is_null(name) : !slice_is_null(name) && slice_is(name, text);
}

/* What no sum knows. */
static bool matches(const struct record_filter *f, const struct record *r) {
    if (!slice_is_null(f->session) && (slice_is_null(r->session) || !slice_eq(f->session, r->session))) return false;
    if (!slice_is_null(f->tag) && (slice_is_null(r->tags) || !slice_contains(r->tags, f->tag))) return false;
    return (f->status < 0 || (int)r->status == f->status) && (f->arm == ARM_NONE || r->arm == f->arm);
}

static bool belongs(const struct cost_report *p, const struct cost_row *row, const struct record *r) {
    const struct cost_report_query *q = &p->query;
    char room[64];
    if (r->time_us < q->from_us || r->time_us >= q->to_us) return false;
    for (int d = 0; d < SPEND_DIMENSIONS; d++)
        if (!slice_is_null(q->only[d]) && !same(text_of(r, d, room), q->only[d]) && !(d == SPEND_BY_PROMPT && !slice_is_null(r->prompt_name) && slice_eq(r->prompt_name, q->only[d])))
            return false;
    if (q->records != NULL && !matches(q->records, r)) return false;
    for (unsigned i = 0; row != NULL && i < q->n_by; i++) {
        int d = q->by[i];
        int64_t unit = d == SPEND_BY_HOUR ? COST_HOUR : RIG_DAY;
        if (d >= SPEND_DIMENSIONS ? r->time_us / unit != row->start_us / unit
                                  : !same(text_of(r, d, room), row->names[d]))
            return false;
    }
    return true;
}

struct naive {
    uint64_t requests, unpriced, refused, hits;
    int64_t cost, saved, history, lost, input, output, meters[CHARGE_METERS + 1], unpriced_input, charged_input;
};

static void add(struct naive *n, const struct record *r) {
    bool priced = r->cost_nano != MONEY_UNKNOWN, hit = !slice_is_null(r->cache);
    n->requests++;
    n->refused += r->status == RECORD_REFUSED;
    n->hits += hit;
    if (hit && r->saved_nano != MONEY_UNKNOWN) n->saved += r->saved_nano;
    if (!hit && r->status != RECORD_REFUSED && r->history_tokens_saved > 0) n->history += r->history_tokens_saved;
    n->unpriced += !priced;
    if (!hit && r->usage.input > 0) n->input += r->usage.input;
    if (!hit && r->usage.output > 0) n->output += r->usage.output;
    if (!priced && r->usage.input > 0) n->unpriced_input += r->usage.input;
    if (!priced) return;
    n->cost += r->cost_nano;
    if (r->status != RECORD_OK) n->lost += r->cost_nano;
    if (r->charge.meters == 0) n->meters[CHARGE_METERS] += r->cost_nano;
    for (int m = 0; m < CHARGE_METERS; m++) n->meters[m] += r->charge.nano[m];
    if (r->charge.meters != 0) n->charged_input += r->usage.input - r->usage.cache_read;
}

static void expect(const struct spend_sums *s, const struct naive *n) {
    assert_int_equal(s->requests, n->requests);
    assert_int_equal(s->unpriced, n->unpriced);
    assert_int_equal(s->by_status[RECORD_REFUSED], n->refused);
    assert_int_equal(s->cache_hits, n->hits);
    assert_int_equal(s->saved_nano, n->saved);
    assert_int_equal(s->history_saved, n->history);
    assert_true(s->cost_nano == n->cost && s->lost_nano == n->lost);
    assert_true(s->usage.input == n->input && s->usage.output == n->output);
    assert_true(s->unpriced_input == n->unpriced_input && s->quantity[CHARGE_INPUT] == n->charged_input);
    int64_t sum = 0;
    for (int m = 0; m <= CHARGE_METERS; m++) {
        assert_true(s->nano[m] == n->meters[m]);
        sum += s->nano[m];
    }
    assert_true(sum == n->cost);
}

/* Every row, the rest and the total against the records; the rows against each other. */
static void check(const struct context *x, const struct cost_report_query *q, struct cost_report *ret) {
    struct naive total = {0};
    struct spend_sums rows;
    cost_run(x->ledger, q, ret);
    spend_sums_init(&rows);
    for (unsigned i = 0; i < COST_RECORDS; i++)
        if (belongs(ret, NULL, &x->all[i])) add(&total, &x->all[i]);
    expect(&ret->total, &total);
    for (size_t row = 0; row < ret->n; row++) {
        struct naive n = {0};
        for (unsigned i = 0; i < COST_RECORDS; i++)
            if (belongs(ret, &ret->rows[row], &x->all[i])) add(&n, &x->all[i]);
        assert_true(n.requests > 0);
        expect(&ret->rows[row].sums, &n);
        spend_sums_merge(&rows, &ret->rows[row].sums);
        if (row == 0 || ret->rows[row - 1].start_us != ret->rows[row].start_us) continue;
        assert_true(cost_known(&ret->rows[row - 1].sums) >= cost_known(&ret->rows[row].sums));
    }
    spend_sums_merge(&rows, &ret->rest);
    expect(&rows, &total);
}

static void rows_are_the_sums_of_their_records(void **state) {
    static const char *const by[] = {"",
                                     "application",
                                     "team,feature",
                                     "key,model",
                                     "provider,target_model",
                                     "request_type,prompt",
                                     "system_prompt",
                                     "user",
                                     "user,team",
                                     "day",
                                     "hour",
                                     "team,day",
                                     "application,hour,model",
                                     "day,user"};
    static const int64_t windows[][2] = {
        {RIG_START, RIG_START + COST_SPAN},                                             /* whole days */
        {RIG_START + 5 * COST_HOUR, RIG_START + 40 * COST_HOUR},                        /* whole hours */
        {RIG_START + 5 * COST_HOUR + 1234567, RIG_START + 31 * COST_HOUR + 7654321},    /* neither */
        {RIG_START + 5 * COST_HOUR + 600000000, RIG_START + 5 * COST_HOUR + 900000001}, /* inside an hour */
        {RIG_START - RIG_DAY, RIG_START + 10 * RIG_DAY},
        {RIG_START - 2 * RIG_DAY, RIG_START - RIG_DAY}, /* nothing */
    };
    struct context *x = *state;
    for (unsigned w = 0; w < sizeof windows / sizeof *windows; w++)
        for (unsigned b = 0; b < sizeof by / sizeof *by; b++) {
            struct cost_report report;
            struct cost_report_query q = cost_by(by[b], windows[w][0], windows[w][1]);
            check(x, &q, &report);
            assert_true(report.n > 0 || w == 5);
            cost_report_deinit(&report);
        }
}

static void filters_leave_what_they_name(void **state) {
    struct context *x = *state;
    static const struct {
        int dimension;
        const char *value;
    } filters[] = {{SPEND_BY_TEAM, "growth"},
                   {SPEND_BY_APPLICATION, "search"},
                   {SPEND_BY_USER, "anna"},
                   {SPEND_BY_PROMPT, "reply@7"},
                   {SPEND_BY_PROMPT, "reply"},
                   {SPEND_BY_KEY, "ci"},
                   {SPEND_BY_TARGET_MODEL, "gpt-4o"},
                   {SPEND_BY_SYSTEM_PROMPT, "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"}};
    for (unsigned i = 0; i < sizeof filters / sizeof *filters; i++) {
        struct cost_report report;
        struct cost_report_query q =
            cost_by("feature,provider", RIG_START + 90000001, RIG_START + COST_SPAN - 5);
        q.only[filters[i].dimension] = slice_of(filters[i].value);
        check(x, &q, &report);
        assert_true(report.n > 1 && report.total.requests < COST_RECORDS);
        q.only[SPEND_BY_MODEL] = SLICE("no such model");
        cost_report_deinit(&report);
        check(x, &q, &report);
        assert_int_equal(report.n, 0);
        cost_report_deinit(&report);
    }
}

/* What is in no sum is read from the records, alone and beside what is in one. */
static void filters_of_records_hold_too(void **state) {
    struct context *x = *state;
    static const struct record_filter filters[] = {{.status = -1, .session = SLICE("s-1")}, {.status = -1, .tag = SLICE("region=eu")},
                                                   {.status = RECORD_TRUNCATED},            {.status = -1, .arm = ARM_CANDIDATE},
                                                   {.status = RECORD_OK, .session = SLICE("s-1"), .tag = SLICE("plan=pro"), .arm = ARM_CANDIDATE}};
    for (unsigned i = 0; i < sizeof filters / sizeof *filters; i++)
        for (unsigned narrowed = 0; narrowed < 2; narrowed++) {
            struct cost_report report;
            struct cost_report_query q = cost_by("feature,provider", RIG_START + 90000001, RIG_START + COST_SPAN - 5);
            q.records = &filters[i];
            if (narrowed) q.only[SPEND_BY_MODEL] = SLICE("chat");
            check(x, &q, &report);
            assert_true(report.n > 1 && report.source.cells == 0);
            cost_report_deinit(&report);
        }
}

static void a_limit_sums_the_rest(void **state) {
    struct context *x = *state;
    struct cost_report all, some;
    struct cost_report_query q = cost_by("team,feature,model", RIG_START, RIG_START + COST_SPAN);
    check(x, &q, &all);
    q.limit = 3;
    check(x, &q, &some); /* rows and rest are the total */
    assert_int_equal(some.n, 3);
    assert_int_equal(some.n_rest, all.n - 3);
    assert_true(some.rows[0].sums.cost_nano == all.rows[0].sums.cost_nano);
    cost_report_deinit(&all);
    cost_report_deinit(&some);
}

/* Whole hours touch no record, whatever the dimensions but the user. */
static void whole_hours_come_from_sums(void **state) {
    struct context *x = *state;
    struct cost_report r;
    struct cost_report_query q = cost_by("team,key", RIG_START + COST_HOUR, RIG_START + 50 * COST_HOUR);
    cost_run(x->ledger, &q, &r);
    assert_true(r.source.records == 0 && r.source.cells > 0);
    cost_report_deinit(&r);
    q.from_us += 1;
    cost_run(x->ledger, &q, &r);
    assert_true(r.source.records > 0 && r.source.records < COST_RECORDS / 40); /* of one hour of 72 */
    cost_report_deinit(&r);
    q = cost_by("user", RIG_START + COST_HOUR, RIG_START + 50 * COST_HOUR);
    cost_run(x->ledger, &q, &r);
    assert_true(r.source.records > 0 && r.source.cells == 0);
    cost_report_deinit(&r);
}

/* What is read of days that are over: a week by the day, not by the hour; and nothing that was not there when they were summed up. */
static void days_that_are_over(void **state) {
    struct context *x = *state;
    static const struct {
        const char *by;
        int64_t from_us, to_us;
    } asks[] = {{"team,feature,day", RIG_START, RIG_START + COST_SPAN},
                {"application,hour", RIG_START, RIG_START + COST_SPAN},
                {"team", RIG_START + 5 * COST_HOUR, RIG_START + 29 * COST_HOUR}}; /* a day of another zone */
    struct cost_report r;
    for (unsigned i = 0; i < sizeof asks / sizeof *asks; i++) {
        struct cost_report_query q = cost_by(asks[i].by, asks[i].from_us, asks[i].to_us), hours = cost_by("team,hour", asks[i].from_us, asks[i].to_us);
        check(x, &q, &r);
        uint64_t cells = r.source.cells;
        assert_int_equal(r.source.records, 0);
        cost_report_deinit(&r);
        check(x, &hours, &r);
        assert_true(cells < r.source.cells);
        cost_report_deinit(&r);
    }
    assert_false(ledger_fold(x->ledger, RIG_START + COST_SPAN + 2 * RIG_DAY)); /* nothing is left to do */
    struct recorder *recorder = rig_recorder(x->rig);
    struct record late;
    rig_record(&late, RIG_START + COST_HOUR, 77777);
    rig_append_record(recorder, 0, &late);
    rig_drain(x->ledger, recorder);
    recorder_close(recorder);
    assert_int_equal(rig_number(x->rig, "ledger-2025-11-08.db", "SELECT folded + (SELECT count(*) FROM spend_fold) FROM spend_state"), 0);
    for (unsigned i = 0; i < 2; i++) { /* before it is summed up anew, and after */
        struct cost_report_query q = cost_by("team,day", RIG_START, RIG_START + COST_SPAN);
        cost_run(x->ledger, &q, &r);
        assert_int_equal(r.total.requests, COST_RECORDS + 1);
        cost_report_deinit(&r);
        assert_int_equal(ledger_fold(x->ledger, RIG_START + COST_SPAN + 2 * RIG_DAY), i == 0);
    }
    assert_int_equal(rig_number(x->rig, "ledger-2025-11-08.db", "SELECT folded FROM spend_state"), 1);
}

/* A day is summed up an hour after it ended, and not before. */
static void not_before_they_are_over(void **state) {
    struct context *x = *state;
    assert_false(ledger_fold(x->ledger, RIG_START + RIG_DAY));
    assert_int_equal(rig_number(x->rig, "ledger-2025-11-08.db", "SELECT folded FROM spend_state"), 0);
    assert_true(ledger_fold(x->ledger, RIG_START + RIG_DAY + COST_HOUR));
    assert_int_equal(rig_number(x->rig, "ledger-2025-11-08.db", "SELECT folded FROM spend_state"), 1);
    assert_int_equal(rig_number(x->rig, "ledger-2025-11-09.db", "SELECT folded FROM spend_state"), 0);
}

/* A file that an older program began has sums of a part of its records: they are not used. */
static void days_of_an_older_program(void **state) {
    struct context *x = *state;
    struct error error = {0};
    enum fault fault = FAULT_NONE;
    struct cost_report r;
    struct cost_report_query q = cost_by("team,feature", RIG_START, RIG_START + COST_SPAN);
    struct database *db = database_open(rig_path(x->rig, "ledger-2025-11-08.db"),
                                        &(struct database_options){0}, &fault, &error);
    drain_close_days(x->ledger->drain);
    assert_non_null(db);
    assert_int_equal(
        database_exec(db,
                      "DROP TABLE spend_hour; DROP TABLE spend_fold; DROP TABLE spend_dimension; DROP TABLE spend_state; DROP TABLE score;"
                      "DROP TABLE arrival; DROP TABLE view_minute; DROP TABLE view_hour; DROP TABLE view_day; DROP TABLE view_state;"
                      "ALTER TABLE dimension DROP COLUMN provider; ALTER TABLE dimension DROP COLUMN view;"
                      "PRAGMA user_version=1",
                      &error),
        FAULT_NONE);
    database_close(db);
    check(x, &q, &r); /* as the older program left it */
    assert_true(r.source.records > 0 && r.source.cells > 0);
    cost_report_deinit(&r);
    /* and after this one has added a record to it */
    struct recorder *recorder = rig_recorder(x->rig);
    struct record late;
    rig_record(&late, RIG_START + COST_HOUR, 77777);
    rig_append_record(recorder, 0, &late);
    rig_drain(x->ledger, recorder);
    recorder_close(recorder);
    assert_int_equal(rig_number(x->rig, "ledger-2025-11-08.db", "SELECT whole FROM spend_state"), 0);
    cost_run(x->ledger, &q, &r);
    assert_int_equal(r.total.requests, COST_RECORDS + 1);
    cost_report_deinit(&r);
}

/* More labels than are summed apart: the answers stay exact, from records where they must be. */
static void too_many_labels(void **state) {
    enum { MANY = LIMIT_SPEND_CELLS + 2000 };
    struct rig *rig = *state;
    struct ledger *l = rig_ledger(rig);
    struct recorder *recorder = rig_recorder(rig);
    struct cost_report r;
    char feature[32];
    for (unsigned i = 0; i < MANY; i++) {
        struct record one;
        rig_record(&one, RIG_START + (int64_t)i * 1000000, i);
        snprintf(feature, sizeof feature, "f%u", i);
        one.feature = slice_of(feature);
        one.has_system_prompt = true;
        memcpy(one.system_prompt_hash, &i, sizeof i);
        rig_append_record(recorder, 0, &one);
        if (i % 1000 == 999) rig_drain(l, recorder);
    }
    rig_drain(l, recorder);
    recorder_close(recorder);
    assert_true(rig_number(rig, "ledger-2025-11-08.db", "SELECT count(*) FROM spend_dimension") <=
                LIMIT_SPEND_CELLS + 1);
    struct cost_report_query q = cost_by("application", RIG_START, RIG_START + RIG_DAY);
    cost_run(l, &q, &r);
    assert_true(r.total.requests == MANY && r.total.cost_nano == MANY * 1000 && r.source.records == 0);
    cost_report_deinit(&r);
    q = cost_by("feature", RIG_START, RIG_START + RIG_DAY);
    cost_run(l, &q, &r);
    assert_true(r.n == MANY && r.source.records == MANY);
    cost_report_deinit(&r);
    q = cost_by("application", RIG_START, RIG_START + RIG_DAY);
    q.only[SPEND_BY_FEATURE] = SLICE("f11999");
    cost_run(l, &q, &r);
    assert_int_equal(r.total.requests, 1);
    cost_report_deinit(&r);
    assert_true(ledger_fold(l, RIG_START + 2 * RIG_DAY)); /* what was left out of the sums is left out of theirs */
    for (unsigned i = 0; i < 2; i++) {
        q = cost_by(i == 0 ? "application" : "feature", RIG_START, RIG_START + RIG_DAY);
        cost_run(l, &q, &r);
        assert_true(r.total.requests == MANY && r.source.records == (i == 0 ? 0 : MANY));
        cost_report_deinit(&r);
    }
    ledger_close(l);
}

/* A clock that was far ahead: years behind 3883 are more hours than 24 bits hold. */
static void hours_far_ahead(void **state) {
    enum { DAY_OF_5000 = 1106700 };
    const int64_t at = DAY_OF_5000 * RIG_DAY + 7 * COST_HOUR;
    struct rig *rig = *state;
    struct ledger *l = rig_ledger(rig);
    struct recorder *recorder = rig_recorder(rig);
    struct cost_report r;
    struct record one;
    rig_record(&one, at, 1);
    rig_append_record(recorder, 0, &one);
    rig_drain(l, recorder);
    recorder_close(recorder);
    for (unsigned i = 0; i < 2; i++) { /* of the day and, once it is over, of its folds */
        struct cost_report_query hours = cost_by("application,hour", 0, 0), days = cost_by("team,day", 0, 0);
        cost_run(l, &hours, &r);
        assert_true(r.n == 1 && r.rows[0].start_us == at);
        cost_report_deinit(&r);
        cost_run(l, &days, &r);
        assert_true(r.n == 1 && r.rows[0].start_us == DAY_OF_5000 * RIG_DAY);
        cost_report_deinit(&r);
        assert_int_equal(ledger_fold(l, at + 2 * RIG_DAY), i == 0);
    }
    ledger_close(l);
}

static void unknown_is_not_zero(void **state) {
    struct rig *rig = *state;
    struct ledger *l = rig_ledger(rig);
    struct recorder *recorder = rig_recorder(rig);
    struct cost_report r;
    struct json_writer w;
    struct buffer out;
    struct record one;
    for (unsigned i = 0; i < 3; i++) {
        rig_record(&one, RIG_START + i, i);
        one.team = i < 2 ? SLICE("dark") : SLICE("lit");
        one.cost_nano = i < 2 ? MONEY_UNKNOWN : 0;
        rig_append_record(recorder, 0, &one);
    }
    rig_drain(l, recorder);
    recorder_close(recorder);
    struct cost_report_query q = cost_by("team", RIG_START, RIG_START + COST_HOUR);
    cost_run(l, &q, &r);
    assert_int_equal(r.n, 2);
    assert_true(slice_is(r.rows[0].names[SPEND_BY_TEAM], "lit") && cost_known(&r.rows[0].sums) == 0);
    assert_true(cost_known(&r.rows[1].sums) == MONEY_UNKNOWN && r.rows[1].sums.unpriced == 2);
    assert_true(cost_per_request(&r.rows[1].sums) == MONEY_UNKNOWN && r.total.unpriced == 2);
    buffer_init(&out, 1 << 16);
    json_start(&w, &out);
    cost_report_write_json(&r, &w);
    assert_non_null(strstr(buffer_text(&out), "\"cost_nanousd\":null"));
    buffer_clear(&out);
    cost_report_write_csv(&r, &out);
    assert_non_null(strstr(buffer_text(&out), "\r\ndark,,,,2,2,0,,"));
    assert_non_null(strstr(buffer_text(&out), "\r\nlit,0,,0,1,0,0,0,"));
    buffer_deinit(&out);
    cost_report_deinit(&r);
    ledger_close(l);
}

static void dimensions_are_checked(void **state) {
    static const char *const bad[] = {"colour", "team,team", "team,", "day,hour,team,model,key", ","};
    (void)state;
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct cost_report_query q = {0};
        struct error error = {0};
        assert_false(cost_report_parse_by(slice_of(bad[i]), &q, &error));
        assert_int_equal(error.fault, FAULT_BAD_REQUEST);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_are_the_sums_of_their_records, setup, teardown),
        cmocka_unit_test_setup_teardown(filters_leave_what_they_name, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_are_the_sums_of_their_records, setup_folded, teardown),
        cmocka_unit_test_setup_teardown(filters_leave_what_they_name, setup_folded, teardown),
        cmocka_unit_test_setup_teardown(filters_of_records_hold_too, setup_folded, teardown),
        cmocka_unit_test_setup_teardown(days_that_are_over, setup_folded, teardown),
        cmocka_unit_test_setup_teardown(not_before_they_are_over, setup, teardown),
        cmocka_unit_test_setup_teardown(a_limit_sums_the_rest, setup, teardown),
        cmocka_unit_test_setup_teardown(whole_hours_come_from_sums, setup, teardown),
        cmocka_unit_test_setup_teardown(days_of_an_older_program, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_labels, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(hours_far_ahead, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(unknown_is_not_zero, rig_setup, rig_teardown),
        cmocka_unit_test(dimensions_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
