/* A configuration's text as the policy that it is, or as the problems that it has. */
#ifndef TEST_MODEL_CONFIG_RIG_H
#define TEST_MODEL_CONFIG_RIG_H

#include "model/config.h"

#include <stdio.h>

/* NULL: ret_problems says why not, one line a problem. */
static struct policy *read(const char *yaml, char *ret_problems, size_t size) {
    struct config_source source = {0};
    struct problems problems;
    struct arena arena;
    struct buffer words;
    struct policy *p = NULL;
    arena_init(&arena, 4096, 1 << 20);
    buffer_init(&words, 65536);
    (void)(config_read(slice_of(yaml), "q.yaml", &source, NULL, &arena, &p, &problems) == FAULT_NONE);
    problems_write(&problems, &words);
    snprintf(ret_problems, size, "%s", buffer_text(&words));
    buffer_deinit(&words);
    arena_deinit(&arena);
    return p;
}

#endif
