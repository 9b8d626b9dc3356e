/* wire_house.h - what is done once a second: gauges, warnings, sweeping. */
#ifndef WIRE_HOUSE_H
#define WIRE_HOUSE_H

#include "wire_consoles.h"
#include "wire_cost.h"
#include "wire_lanes.h"
#include "wire_watch.h"

struct house { /* all borrowed */
    struct metric_shard *shard;
    struct watch_wire *watch;
    struct cost_wire *cost;
    struct console_wire *consoles;
    struct lane *lanes;
    unsigned n_lanes;
    uint64_t lost_seen, failures_seen, seconds; /* private, 0 at first */
};

void house_keep(struct house *h, const struct control_services *services);

#endif
