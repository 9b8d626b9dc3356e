#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void __attribute__((noreturn)) out_of_memory(size_t size) {
    char line[80]; /* no stdio stream: that could allocate */
    int n = snprintf(line, sizeof line, "quarterdeck: out of memory: no room for %zu bytes\n", size);
    if (write(STDERR_FILENO, line, (size_t)n) < 0) abort();
    abort();
}

void *mem_alloc(size_t size) {
    void *at = calloc(1, size > 0 ? size : 1);
    if (at == NULL) out_of_memory(size);
    return at;
}

void *mem_alloc_lines(size_t size) {
    size_t whole = size > 0 ? (size + MEM_LINE - 1) / MEM_LINE * MEM_LINE : MEM_LINE;
    void *at = whole >= size ? aligned_alloc(MEM_LINE, whole) : NULL;
    if (at == NULL) out_of_memory(size);
    return memset(at, 0, whole);
}

void *mem_resize(void *old, size_t size) {
    void *at = realloc(old, size > 0 ? size : 1);
    if (at == NULL) out_of_memory(size);
    return at;
}

void *mem_copy(const void *from, size_t size) {
    void *at = mem_resize(NULL, size);
    if (size > 0) memcpy(at, from, size);
    return at;
}

char *mem_text(const char *text) {
    return mem_copy(text, strlen(text) + 1);
}

void mem_free(void *at) {
    free(at);
}
