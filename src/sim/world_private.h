/* world_private.h - what world_read.c makes of the files and world.c plays. */
#ifndef SIM_WORLD_PRIVATE_H
#define SIM_WORLD_PRIVATE_H

#include "base/yaml.h"
#include "sim/world.h"

#define WORLD_MINUTE_US 60000000LL
#define WORLD_DAY_US (1440 * WORLD_MINUTE_US)
#define WORLD_COLUMNS 16

struct world_rows {
    struct slice file;
    struct slice columns[WORLD_COLUMNS];
    unsigned n_columns;
    struct slice (*at)[WORLD_COLUMNS];
    unsigned n;
};

struct world_when {
    struct slice contains;
    double good;
};

struct world_taste {
    double good;
    struct world_when when[8];
    unsigned n_when;
};

struct world_kind {
    struct slice name, key, path, model, prompt, system, user, extra, request_type, feature, team, user_prefix;
    const struct yaml_node *variables, *tags;
    double weight, stream;
    double hours[24]; /* 1 where nothing is said */
    int64_t users, from_us, to_us;
    const struct world_rows *rows;
    unsigned *chosen, n_chosen; /* of rows: those of `only` */
    struct {
        double first, last;
        int64_t from_us, to_us;
        struct slice answer;
    } history;
    struct {
        struct slice name, by;
        double share;
        int64_t after_us;
        struct world_taste taste;
    } scores;
};

struct world_surge {
    int64_t from_us, to_us;
    double factor;
};

struct world {
    const struct world_options *o;
    struct world_kind *kinds;
    unsigned n_kinds;
    double requests, hours[24], weekdays[7], growth, live_a_minute;
    struct world_surge *surges;
    unsigned n_surges;
    double *gaps; /* mean 1 */
    unsigned n_gaps;
    struct world_person *people;
    unsigned n_people;
    struct world_act *acts;
    unsigned n_acts;
    /* the generator */
    double scale;             /* requests a minute for a weight of 1 */
    double owed;              /* of the gap that is being waited for */
    int64_t now_us;
    uint64_t index;
    struct dice dice;
    struct dice labels; /* people's own, so that they leave the traffic as it is */
};

/* From traffic.yaml and acts.yaml. */
enum fault world_read(struct world *w, struct error *error) MUST_CHECK;

#endif
