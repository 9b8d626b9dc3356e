/* idle_days.h - connections to day files that nobody reads just now, kept for the next reader: opening one anew reads and parses its
 * schema, which took longer than most of what is asked of it. Private to store/.
 *
 * Any thread. A connection that is kept holds no statement and no transaction, so it hinders no checkpoint. */
#ifndef STORE_IDLE_DAYS_H
#define STORE_IDLE_DAYS_H

#include "store/database.h"

#define IDLE_DAYS_KEPT 64 /* two months of days; the one that was used longest ago makes room */

struct idle_days;

struct idle_days *idle_days_new(void);
void idle_days_free(struct idle_days *d);                    /* closes them; none may be lent */
struct database *idle_days_take(struct idle_days *d, const char *path); /* NULL: none, or the name leads to another file by now */
/* Freshly opened, and checked: from now on database_close brings it here. */
void idle_days_adopt(struct idle_days *d, struct database *db);
void idle_days_forget(struct idle_days *d, const char *path); /* before the file is deleted */

#endif
