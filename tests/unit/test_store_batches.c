#include "test_store_rig.h"

#include "store/batches.h"

static const char *path_of(struct rig *rig, const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", rig->dir, name);
    return path;
}

static struct batches *open_store(struct rig *rig) {
    struct error error = {.fault = FAULT_NONE};
    struct batches *b = batches_open(rig->dir, &error);
    if (b == NULL) fail_msg("%s", error.text);
    return b;
}

/* ---- content ---- */

static uint64_t write_blob(struct blobs *b, const char *name, size_t size, size_t piece) {
    uint64_t checksum = 0;
    char *bytes = test_malloc(size + 1);
    struct blob_writer *w = blob_create(b, name, NULL);
    assert_non_null(w);
    for (size_t i = 0; i < size; i++) bytes[i] = (char)(i * 31 + i / 1000);
    for (size_t at = 0; at < size; at += piece)
        assert_int_equal(blob_write(w, slice_make(bytes + at, size - at < piece ? size - at : piece), NULL), FAULT_NONE);
    assert_int_equal(blob_size(w), size);
    assert_int_equal(blob_finish(w, &checksum, NULL), FAULT_NONE);
    test_free(bytes);
    return checksum;
}

static void test_blobs(void **state) {
    struct rig *rig = *state;
    struct blobs *b = blobs_open(path_of(rig, "blobs"), NULL);
    struct buffer out;
    const size_t size = (3 << 20) + 17;
    buffer_init(&out, 8 << 20);
    uint64_t one = write_blob(b, "a", size, 1000), other = write_blob(b, "b", size, size);
    assert_true(one == other); /* whatever the pieces */
    assert_int_equal(blob_load(b, "a", (int64_t)size, one, &out, NULL), FAULT_NONE);
    assert_int_equal(out.len, size);
    assert_int_equal(blob_load(b, "a", (int64_t)size, one + 1, &out, NULL), FAULT_CORRUPT);
    assert_int_equal(blob_load(b, "a", (int64_t)size + 1, one, &out, NULL), FAULT_CORRUPT);
    assert_int_equal(out.len, size);
    buffer_clear(&out);
    assert_int_equal(blob_read(b, "a", 1 << 20, 3, &out, NULL), FAULT_NONE);
    assert_int_equal((unsigned char)out.at[0], (unsigned char)((1 << 20) * 31 + (1 << 20) / 1000));
    assert_int_equal(blob_read(b, "none", 0, 1, &out, NULL), FAULT_NOT_FOUND);
    int fd = open(path_of(rig, "blobs/a"), O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, (2 << 20) + 5), 1);
    close(fd);
    buffer_clear(&out);
    assert_int_equal(blob_load(b, "a", (int64_t)size, one, &out, NULL), FAULT_CORRUPT);
    blob_remove(b, "a");
    blob_remove(b, "a");
    assert_int_equal(blob_load(b, "a", (int64_t)size, one, &out, NULL), FAULT_NOT_FOUND);
    buffer_deinit(&out);
    blobs_close(b);
}

/* ---- files ---- */

static void add_file(struct batches *b, const char *application, const char *id, int64_t expires_us) {
    struct batch_file f = {.id = slice_of(id), .application = slice_of(application), .filename = SLICE("x.jsonl"), .purpose = SLICE("batch"),
                           .created_us = 1, .expires_us = expires_us, .bytes = 10};
    f.checksum = write_blob(batches_blobs(b), id, 10, 10);
    assert_int_equal(batches_file_add(b, &f, NULL), FAULT_NONE);
}

struct names {
    char text[256];
    unsigned most;
};

static bool note_file(void *ctx, const struct batch_file *f) {
    struct names *n = ctx;
    snprintf(n->text + strlen(n->text), sizeof n->text - strlen(n->text), SLICE_FMT " ", SLICE_ARG(f->id));
    return --n->most > 0;
}

static const char *files_of(struct batches *b, const char *application, int64_t before, unsigned most) {
    static struct names n;
    struct arena arena;
    arena_init(&arena, 1024, 1 << 20);
    n = (struct names){.most = most};
    assert_int_equal(batches_file_list(b, slice_of(application), SLICE_NULL, before, &arena, note_file, &n, NULL), FAULT_NONE);
    arena_deinit(&arena);
    return n.text;
}

static void test_files(void **state) {
    struct batches *b = open_store(*state);
    struct batch_file f;
    struct arena arena;
    struct slice id;
    int64_t bytes = 0, files = 0;
    arena_init(&arena, 1024, 1 << 20);
    add_file(b, "one", "f1", 100);
    add_file(b, "two", "f2", 100);
    add_file(b, "one", "f3", 200);
    assert_string_equal(files_of(b, "one", INT64_MAX, 9), "f3 f1 ");
    assert_string_equal(files_of(b, "one", INT64_MAX, 1), "f3 ");
    assert_int_equal(batches_file_find(b, SLICE("one"), SLICE("f3"), &arena, &f, NULL), FAULT_NONE);
    assert_string_equal(files_of(b, "one", f.number, 9), "f1 ");
    assert_int_equal(batches_file_find(b, SLICE("two"), SLICE("f3"), &arena, &f, NULL), FAULT_NOT_FOUND); /* another's */
    assert_int_equal(batches_file_totals(b, SLICE("one"), &bytes, &files, NULL), FAULT_NONE);
    assert_int_equal(bytes, 30);
    assert_int_equal(files, 2);

    struct batch row = {.id = SLICE("b1"), .application = SLICE("one"), .input_file = SLICE("f1"), .status = BATCH_IN_PROGRESS};
    assert_int_equal(batches_save(b, &row, NULL), FAULT_NONE);
    assert_int_equal(batches_uses(b, SLICE("f1"), &files, NULL), FAULT_NONE);
    assert_int_equal(files, 1);
    assert_int_equal(batches_file_expired(b, 150, &arena, &id, NULL), FAULT_NONE);
    assert_true(slice_is(id, "f2")); /* f1 is needed */
    assert_int_equal(batches_file_remove(b, id, NULL), FAULT_NONE);
    assert_int_equal(batches_file_expired(b, 150, &arena, &id, NULL), FAULT_NOT_FOUND);
    row.status = BATCH_COMPLETED;
    assert_int_equal(batches_save(b, &row, NULL), FAULT_NONE);
    assert_int_equal(batches_file_expired(b, 150, &arena, &id, NULL), FAULT_NONE);
    assert_true(slice_is(id, "f1"));
    arena_deinit(&arena);
    batches_close(b);
}

/* What a crash left between a file and its row goes at the next start; what has a row stays. */
static void test_sweep(void **state) {
    struct rig *rig = *state;
    struct batches *b = open_store(rig);
    add_file(b, "one", "f1", 100);
    (void)write_blob(batches_blobs(b), "orphan", 10, 10);
    struct blob_writer *w = blob_create(batches_blobs(b), "cut", NULL);
    batches_sweep(b);
    assert_int_equal(access(path_of(rig, "files/f1"), F_OK), 0);
    assert_int_equal(access(path_of(rig, "files/orphan"), F_OK), -1);
    assert_int_equal(access(path_of(rig, "files/cut.part"), F_OK), -1);
    blob_abandon(w);
    batches_close(b);
}

/* ---- batches and lines ---- */

static void test_rows(void **state) {
    struct rig *rig = *state;
    struct batches *b = open_store(rig);
    struct batch found, row = {.status = BATCH_VALIDATING};
    struct arena arena;
    int64_t n = 1;
    arena_init(&arena, 1024, 1 << 20);
#define TEXT(field) row.field = SLICE(#field);
#define NUMBER(field) row.field = n++;
    BATCH_TABLE(TEXT, NUMBER)
#undef TEXT
#undef NUMBER
    row.metadata = SLICE_NULL;
    row.status = BATCH_CANCELLING;
    assert_int_equal(batches_save(b, &row, NULL), FAULT_NONE);
    assert_int_equal(row.number, 1);
    row.total = 99;
    assert_int_equal(batches_save(b, &row, NULL), FAULT_NONE); /* the same row */
    batches_close(b);
    b = open_store(rig);
    assert_int_equal(batches_find(b, SLICE("application"), SLICE("id"), &arena, &found, NULL), FAULT_NONE);
#define TEXT(field) assert_true(slice_eq(found.field, row.field) && slice_is_null(found.field) == slice_is_null(row.field));
#define NUMBER(field) assert_int_equal(found.field, row.field);
    BATCH_TABLE(TEXT, NUMBER)
#undef TEXT
#undef NUMBER
    assert_int_equal(batches_find(b, SLICE("other"), SLICE("id"), &arena, &found, NULL), FAULT_NOT_FOUND);
    assert_int_equal(batches_find(b, SLICE_NULL, SLICE("id"), &arena, &found, NULL), FAULT_NONE);
    assert_int_equal(batches_forget(b, INT64_MAX, NULL), FAULT_NONE); /* it is not over */
    assert_int_equal(batches_find(b, SLICE_NULL, SLICE("id"), &arena, &found, NULL), FAULT_NONE);
    row.status = BATCH_CANCELLED;
    assert_int_equal(batches_save(b, &row, NULL), FAULT_NONE);
    assert_int_equal(batches_forget(b, row.ended_us + 1, NULL), FAULT_NONE);
    assert_int_equal(batches_find(b, SLICE_NULL, SLICE("id"), &arena, &found, NULL), FAULT_NOT_FOUND);
    arena_deinit(&arena);
    batches_close(b);
}

static bool note_line(void *ctx, const struct batch_line *l) {
    struct names *n = ctx;
    snprintf(n->text + strlen(n->text), sizeof n->text - strlen(n->text), "%d:" SLICE_FMT "=%d" SLICE_FMT " ", (int)l->line,
             SLICE_ARG(l->custom_id), (int)l->state, SLICE_ARG(l->result));
    return true;
}

static const char *lines_of(struct batches *b, int64_t batch, int64_t after, bool pending) {
    static struct names n;
    struct arena arena;
    arena_init(&arena, 1024, 1 << 20);
    n = (struct names){.most = 0};
    assert_int_equal(batches_lines(b, batch, after, pending, &arena, note_line, &n, NULL), FAULT_NONE);
    arena_deinit(&arena);
    return n.text;
}

static void test_lines(void **state) {
    struct batches *b = open_store(*state);
    static const char *const ids[] = {"a", "b", "c"};
    int64_t n = 0;
    for (int64_t batch = 1; batch <= 2; batch++)
        for (int i = 0; i < 3; i++) {
            struct batch_line l = {.line = i + 1, .at = i, .len = 1, .custom_id = slice_of(ids[i])};
            assert_int_equal(batches_line_add(b, batch, &l, NULL), FAULT_NONE);
        }
    assert_int_equal(batches_line_result(b, 1, 2, BATCH_LINE_ANSWERED, SLICE("yes"), NULL), FAULT_NONE);
    assert_int_equal(batches_line_result(b, 1, 2, BATCH_LINE_FAILED, SLICE("no"), NULL), FAULT_NONE); /* the first stays */
    assert_string_equal(lines_of(b, 1, 0, false), "1:a=0 2:b=1yes 3:c=0 ");
    assert_string_equal(lines_of(b, 1, 0, true), "1:a=0 3:c=0 ");
    assert_string_equal(lines_of(b, 1, 1, true), "3:c=0 ");
    assert_int_equal(batches_lines_count(b, 1, BATCH_LINE_ANSWERED, &n, NULL), FAULT_NONE);
    assert_int_equal(n, 1);
    assert_int_equal(batches_lines_drop(b, 1, NULL), FAULT_NONE);
    assert_string_equal(lines_of(b, 1, 0, false), "");
    assert_string_equal(lines_of(b, 2, 0, false), "1:a=0 2:b=0 3:c=0 ");
    assert_int_equal(batches_begin(b, NULL), FAULT_NONE);
    assert_int_equal(batches_line_result(b, 2, 1, BATCH_LINE_ANSWERED, SLICE("x"), NULL), FAULT_NONE);
    batches_rollback(b);
    assert_string_equal(lines_of(b, 2, 0, true), "1:a=0 2:b=0 3:c=0 ");
    batches_close(b);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(test_blobs), TEST(test_files), TEST(test_sweep), TEST(test_rows), TEST(test_lines)};
    return cmocka_run_group_tests_name("store_batches", tests, NULL, NULL);
}
