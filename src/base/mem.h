/* mem.h - the only caller of malloc. Allocation never returns NULL: a gateway that cannot allocate a
 * few kilobytes cannot answer either, so it stops, and the flight recorder has what was completed.
 * Large or peer-controlled sizes go through buffer or arena, whose maxima turn them into errors. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size) __attribute__((returns_nonnull, malloc)); /* zeroed; release with mem_free */
/* At the start of a cache line: for what several processors change. Zeroed; release with mem_free. */
#define MEM_LINE 64
void *mem_alloc_lines(size_t size) __attribute__((returns_nonnull, malloc));
void *mem_resize(void *old, size_t size) __attribute__((returns_nonnull)); /* grown part is not zeroed */
void *mem_copy(const void *from, size_t size) __attribute__((returns_nonnull));
char *mem_text(const char *text) __attribute__((returns_nonnull)); /* a copy with its NUL */
void mem_free(void *at);                                          /* accepts NULL */

#define mem_new(type) ((type *)mem_alloc(sizeof(type)))
#define mem_new_array(type, n) ((type *)mem_alloc(sizeof(type) * (n)))

#endif
