/* live_parts.h - what the files of live.h share. */
#ifndef CHANGE_LIVE_PARTS_H
#define CHANGE_LIVE_PARTS_H

#include "base/table.h"
#include "change/live.h"
#include "change/prompt_groups.h"

struct live_application {
    char name[256];
    struct prompt_groups groups;
    bool keep;                   /* as its last text said */
};

struct live_known {              /* a text, by application and hash */
    struct live_application *of;
    struct prompt_group *group;  /* NULL: its text was not met yet */
    uint8_t hash[16];
    int64_t first_us, last_us, answers; /* since the last step */
    char *text;                  /* to be kept; NULL */
    size_t len;
    bool changed;
};

struct live_version {            /* a registered version's system message */
    struct arena arena;
    struct fingerprint *template;
    char prompt[128 + 24];       /* "name@V" */
    bool used;
};

struct live {
    struct table applications;   /* struct live_application */
    struct table known;          /* struct live_known, by application and hash */
    struct arena scratch;
    int64_t since_us;            /* from when on minutes were counted */
    struct live_version **versions;
    unsigned n_versions;
    struct table revisions;      /* of subjects, as they were read: uint64_t */
    bool news;                   /* somebody was recognised as registered, and it is not kept yet */
    bool look_again;             /* groups or versions are new: who is registered as what is not known */
};

struct live_application *live_application_of(struct live *l, struct slice name);

#endif
