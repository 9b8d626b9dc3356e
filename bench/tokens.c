/* tokens - how fast texts are counted, and what they come to; also the counter that tests/e2e/tokens.mjs
 * asks.
 *
 *   tokens FILE...      each file by itself and all together, as JSON: MB/s and bytes a token
 *   tokens --long N     the hard case: N bytes without a break, as on a loop thread and in one go
 *   tokens --pipe       standard input: 4 bytes of length (little-endian) and a text, again and again;
 *                       standard output: a line "o200k cl100k" for each */
#include "common.h"

#include "cost/bpe.h"

#define SECONDS 1.0

struct text {
    char *at;
    size_t len;
};

static struct text read_file(const char *path) {
    struct text t = {NULL, 0};
    FILE *f = fopen(path, "rb");
    long size;
    if (!f || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0 || !(t.at = malloc((size_t)size + 1)))
        die(path);
    rewind(f);
    t.len = fread(t.at, 1, (size_t)size, f);
    fclose(f);
    return t;
}

static void measure(const char *name, struct text text, size_t longest) {
    for (enum bpe_encoding e = 0; e < BPE_ENCODINGS; e++) {
        struct bpe_work work;
        uint64_t tokens, begun = now_ns(), rounds = 0, ns;
        bool exact = true;
        bpe_work_init(&work, longest);
        do tokens = bpe_count(e, slice_make(text.at, text.len), &work, &exact), rounds++;
        while ((ns = now_ns() - begun) < (uint64_t)(SECONDS * 1e9));
        printf("{\"text\":\"%s\",\"encoding\":\"%s\",\"bytes\":%zu,\"tokens\":%llu,\"exact\":%s,\"mb_per_s\":"
               "%.1f,"
               "\"ms\":%.2f,\"bytes_per_token\":%.2f}\n",
               name, bpe_name(e), text.len, (unsigned long long)tokens, exact ? "true" : "false",
               (double)text.len * (double)rounds * 1e3 / (double)ns, (double)ns / 1e6 / (double)rounds,
               (double)text.len / (double)tokens);
        bpe_work_deinit(&work);
    }
}

static void files(char **paths, int n) {
    struct text all = {NULL, 0};
    for (int i = 0; i < n; i++) {
        struct text t = read_file(paths[i]);
        if (!(all.at = realloc(all.at, all.len + t.len + 1))) die("realloc");
        memcpy(all.at + all.len, t.at, t.len);
        all.len += t.len;
        measure(paths[i], t, BPE_LONGEST_LOOP);
        free(t.at);
    }
    if (n > 1) measure("all", all, BPE_LONGEST_LOOP);
    free(all.at);
}

static void unbroken(size_t n) {
    struct text same = {malloc(n + 1), n}, mixed = {malloc(n + 1), n};
    if (!same.at || !mixed.at) die("malloc");
    memset(same.at, 'a', n);
    for (size_t i = 0, x = 1; i < n; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        mixed.at[i] = (char)('a' + (x >> 33) % 26);
    }
    measure("one letter, cut", same, BPE_LONGEST_LOOP);
    measure("one letter, whole", same, BPE_LONGEST_TOOL);
    measure("any letters, cut", mixed, BPE_LONGEST_LOOP);
    measure("any letters, whole", mixed, BPE_LONGEST_TOOL);
    free(same.at);
    free(mixed.at);
}

static int answer(void) {
    struct bpe_work work;
    uint32_t size;
    bool exact = true;
    bpe_work_init(&work, BPE_LONGEST_TOOL);
    while (fread(&size, sizeof size, 1, stdin) == 1) {
        char *text = malloc(size ? size : 1); /* of its own, so that a sanitizer sees one byte too far */
        if (!text || fread(text, 1, size, stdin) != size) die("a text is cut short");
        for (enum bpe_encoding e = 0; e < BPE_ENCODINGS; e++)
            printf("%s%llu", e ? " " : "",
                   (unsigned long long)bpe_count(e, slice_make(text, size), &work, &exact));
        printf("%s\n", exact ? "" : " cut");
        fflush(stdout);
        free(text);
    }
    bpe_work_deinit(&work);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--pipe") == 0) return answer();
    if (argc == 3 && strcmp(argv[1], "--long") == 0) {
        unbroken((size_t)strtoull(argv[2], NULL, 10));
        return 0;
    }
    if (argc < 2) {
        fprintf(stderr, "usage: tokens FILE... | --long BYTES | --pipe\n");
        return 2;
    }
    files(argv + 1, argc - 1);
    return 0;
}
