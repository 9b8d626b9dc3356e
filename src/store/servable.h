/* servable.h - which versions may be served, for deployments (wire_change.h), in few and short queries. */
#ifndef STORE_SERVABLE_H
#define STORE_SERVABLE_H

#include "store/changes.h"

/* All that is read between the two is of one moment, whatever is committed meanwhile. Nothing can be changed inside. */
enum fault changes_view(struct registry *r, struct error *error) MUST_CHECK;
void changes_view_end(struct registry *r);

/* Of each subject (`name` SLICE_NULL: of all) its `newest` newest versions, and older ones that are in production, labelled or in a rollout under
 * way; rejected ones too: who asks for name@V tests it. By name, newest first. Bodies apart: whoever holds a digest needs no other; and
 * a subject whose revision is as it was has the same versions. */
struct change_servable {
    struct slice name;
    int64_t version;
    struct digest digest;
    struct slice human;
};
enum fault changes_servable(struct registry *r, struct slice kind, struct slice name, unsigned newest, struct arena *arena,
                            struct change_servable **ret, unsigned *ret_n, struct error *error) MUST_CHECK;
enum fault changes_body(struct registry *r, struct slice kind, struct slice name, int64_t version, struct arena *arena, struct slice *ret,
                        struct error *error) MUST_CHECK;

#endif
