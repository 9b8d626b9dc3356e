/* alike.c - what the semantic cache takes of a loop thread: reading a question, and finding the most alike
 * one.
 *
 *   alike FILE.csv    a CSV whose first column is questions (such as Banking77's)
 *
 * Prints microseconds of processor time each: the embedding, the literals, and a look-up in a class of
 * LIMIT_CACHE_ALIKE entries, the most that one compares. */
#include "common.h"

#include "base/digest.h"
#include "base/limits.h"
#include "base/csv.h"
#include "gateway/alike.h"
#include "model/literals.h"

#define ROUNDS 2000
#define MOST_TEXT (8u << 20)

static struct slice questions[1 << 16];

static unsigned read_questions(const char *path, char *text, struct arena *arena) {
    FILE *f = fopen(path, "r");
    struct csv csv;
    struct csv_row row;
    struct error error;
    bool end = false;
    unsigned n = 0;
    if (!f) die(path);
    size_t len = fread(text, 1, MOST_TEXT, f);
    fclose(f);
    csv_init(&csv, slice_make(text, len), arena);
    while (n < 1 << 16 && csv_next(&csv, &row, &end, &error) == FAULT_NONE && !end)
        questions[n++] = row.fields[0];
    return n;
}

/* Of this thread alone: others may have the processor meanwhile. */
static uint64_t cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double us_each(uint64_t from, unsigned n) {
    return (double)(cpu_ns() - from) / 1e3 / n;
}

int main(int argc, char **argv) {
    if (argc != 2 || !digest_start()) return 2;
    struct arena arena;
    struct buffer out;
    struct answer_key class, key, found;
    struct embedding e;
    int32_t similarity = 0;
    unsigned hits = 0;
    char *text = malloc(MOST_TEXT);
    arena_init(&arena, 1 << 20, 256 << 20);
    buffer_init(&out, 1 << 20);
    unsigned n = read_questions(argv[1], text, &arena);
    if (n <= LIMIT_CACHE_ALIKE) return 2;
    uint64_t from = cpu_ns();
    for (unsigned i = 0; i < n; i++) hits += embedding_of(questions[i], &e);
    double embed = us_each(from, n);
    from = cpu_ns();
    for (unsigned i = 0; i < n; i++) {
        buffer_clear(&out);
        literals_of(questions[i], &out);
    }
    double literals = us_each(from, n);
    struct alike *a = alike_new(64 << 20, 1);
    answers_key(SLICE("a"), 0, 0, SLICE("class"), &class);
    for (unsigned i = 0; i < LIMIT_CACHE_ALIKE; i++) {
        answers_key(SLICE("a"), 0, i, questions[i], &key);
        if (embedding_of(questions[i], &e)) alike_keep(a, &class, &e, &key, 1);
    }
    hits = 0;
    from = cpu_ns();
    for (unsigned i = 0; i < ROUNDS; i++) /* one vector, so that only the look-up is measured */
        hits += alike_find(a, &class, &e, 0, 900000, &found, &similarity);
    double find = us_each(from, ROUNDS);
    printf("{\"questions\": %u, \"embedding_us\": %.2f, \"literals_us\": %.2f, \"entries\": %d, \"find_us\": "
           "%.1f, \"found\": %u}\n",
           n, embed, literals, LIMIT_CACHE_ALIKE, find, hits);
    alike_free(a);
    buffer_deinit(&out);
    arena_deinit(&arena);
    free(text);
    return 0;
}
