/* wire_demo_folder.h - where a demo lives: the files of its world, from the binary or a folder, and a folder for its data. */
#ifndef WIRE_DEMO_FOLDER_H
#define WIRE_DEMO_FOLDER_H

#include "sim/world.h"

struct demo_folder {
    char root[4096], config[4160], data[4160]; /* ROOT/world/quarterdeck.yaml, ROOT/data */
    const char *world;  /* a folder that is read in place of what is in the binary; NULL: none */
    bool kept;          /* root is the caller's, and stays */
    int lock;           /* held on ROOT/lock for as long as the process lives; -1 where root is kept */
    struct arena *arena;
};

/* Makes the root: `data` (NULL: a new one under TMPDIR, /dev/shm where there is room, or /tmp), which must be empty or not exist. FAULT_IO. What demos
 * that were killed left in that place is removed, and said: their lock is nobody's. A folder without a lock is let be. */
enum fault demo_folder_make(struct demo_folder *f, const char *data, struct error *error) MUST_CHECK;
/* A file of the world; for world_options. */
bool demo_folder_file(void *ctx, const char *name, struct slice *ret);
/* All files of the world into ROOT/world, moments filled in. */
enum fault demo_folder_fill(struct demo_folder *f, const struct world_options *o, struct error *error) MUST_CHECK;
void demo_folder_remove(struct demo_folder *f); /* unless it is kept; safe twice */

#endif
