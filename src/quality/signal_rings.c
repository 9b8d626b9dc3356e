/* signal_rings.c - see signal_rings.h. */
#include "quality/signal_rings.h"

#include "base/mem.h"

#define UNIT_US 10000000LL
const struct signal_ring signal_rings[SIGNAL_RINGS] = {
    [RING_10S] = {UNIT_US, 90, 0, 1},
    [RING_MINUTE] = {6 * UNIT_US, 180, 90, 6},
    [RING_10MIN] = {60 * UNIT_US, 156, 90 + 180, 10},
    [RING_HOUR] = {360 * UNIT_US, 192, 90 + 180 + 156, 6},
};
static const int64_t units[SIGNAL_RINGS] = {1, 6, 60, 360}; /* of 10 s in a cell */

void rings_init(struct rings *r) {
    memset(r->cells, 0, sizeof r->cells);
    r->slot = r->last_us = 0;
    r->bytes = 0;
    signal_sums_init(&r->open);
}

void rings_deinit(struct rings *r) {
    for (unsigned i = 0; i < RING_CELLS; i++) mem_free(r->cells[i]);
    signal_sums_deinit(&r->open);
}

static struct signal_packed **place(struct rings *r, unsigned ring, int64_t cell) {
    return &r->cells[signal_rings[ring].first + (uint64_t)cell % signal_rings[ring].cells];
}

static const struct signal_packed *find(const struct rings *r, unsigned ring, int64_t cell) {
    const struct signal_packed *p = r->cells[signal_rings[ring].first + (uint64_t)cell % signal_rings[ring].cells];
    return p != NULL && p->slot == cell ? p : NULL;
}

static void put(struct rings *r, struct signal_packed **at, struct signal_packed *p) {
    enum { ALLOCATORS = 16 };
    if (*at != NULL) r->bytes -= sizeof **at + (*at)->len + ALLOCATORS;
    if (p != NULL) r->bytes += sizeof *p + p->len + ALLOCATORS;
    mem_free(*at);
    *at = p;
}

static void keep(struct rings *r, unsigned ring, int64_t cell, struct signal_packed *p) { put(r, place(r, ring, cell), p); }

static void build(struct rings *r, enum signal_family f, unsigned ring, int64_t cell, struct signal_total *work) {
    int64_t first = cell * signal_rings[ring].parts;
    bool any = false;
    signal_total_clear(work);
    for (unsigned i = 0; i < signal_rings[ring].parts; i++) {
        const struct signal_packed *p = find(r, ring - 1, first + i);
        if (p == NULL) continue;
        signal_total_add_packed(work, f, p);
        any = true;
    }
    if (any) keep(r, ring, cell, signal_pack(work, f, cell));
}

/* The cell that fills becomes that of `slot`. */
static void move_to(struct rings *r, enum signal_family f, int64_t slot, struct signal_total *work) {
    if (r->open.last_us > 0) {
        signal_total_clear(work);
        signal_total_add(work, f, &r->open);
        keep(r, RING_10S, r->slot, signal_pack(work, f, r->slot));
        signal_sums_clear(&r->open);
    }
    for (unsigned ring = RING_MINUTE; ring < SIGNAL_RINGS && r->slot > 0; ring++) {
        int64_t cell = r->slot / units[ring];
        if (cell == slot / units[ring]) break;
        build(r, f, ring, cell, work);
    }
    r->slot = slot;
}

struct signal_sums *rings_at(struct rings *r, enum signal_family f, int64_t at_us, struct signal_total *work) {
    int64_t slot = at_us / UNIT_US;
    if (at_us > r->last_us) r->last_us = at_us;
    if (slot > r->slot) move_to(r, f, slot, work);
    return slot == r->slot ? &r->open : NULL;
}

bool rings_late(struct rings *r, enum signal_family f, int64_t at_us, const struct signal_sums *s, struct signal_total *work) {
    int64_t slot = at_us / UNIT_US;
    bool booked = false;
    for (unsigned ring = RING_10S; ring < SIGNAL_RINGS; ring++) {
        int64_t cell = slot / units[ring], fills = r->slot / units[ring];
        if (cell == fills) break; /* it will be built from the finer ones */
        if (cell <= fills - (int64_t)signal_rings[ring].cells || slot <= 0) continue;
        const struct signal_packed *p = find(r, ring, cell);
        signal_total_clear(work);
        if (p != NULL) signal_total_add_packed(work, f, p);
        signal_total_add(work, f, s);
        keep(r, ring, cell, signal_pack(work, f, cell));
        booked = true;
    }
    return booked;
}

bool rings_pass(struct rings *r, enum signal_family f, int64_t now_us, struct signal_total *work) {
    int64_t slot = now_us / UNIT_US;
    bool any = false;
    if (slot > r->slot) move_to(r, f, slot, work);
    for (unsigned ring = RING_10S; ring < SIGNAL_RINGS; ring++) {
        int64_t oldest = slot / units[ring] - (int64_t)signal_rings[ring].cells;
        for (unsigned i = 0; i < signal_rings[ring].cells; i++) {
            struct signal_packed **at = &r->cells[signal_rings[ring].first + i];
            if (*at == NULL) continue;
            if ((*at)->slot < oldest) put(r, at, NULL);
            any |= *at != NULL;
        }
    }
    return any || r->open.last_us > 0;
}

void rings_forget_future(struct rings *r, int64_t now_us) {
    int64_t slot = now_us / UNIT_US;
    if (r->slot <= slot) return;
    for (unsigned ring = RING_10S; ring < SIGNAL_RINGS; ring++)
        for (unsigned i = 0; i < signal_rings[ring].cells; i++) {
            struct signal_packed **at = &r->cells[signal_rings[ring].first + i];
            if (*at == NULL || (*at)->slot * units[ring] + units[ring] <= slot) continue;
            put(r, at, NULL);
        }
    signal_sums_clear(&r->open);
    r->slot = slot;
    if (r->last_us > now_us) r->last_us = now_us;
}

void rings_merge(struct rings *into, struct rings *from, enum signal_family f, struct signal_total *work) {
    if (into->slot < from->slot) move_to(into, f, from->slot, work);
    if (from->slot < into->slot) move_to(from, f, into->slot, work);
    signal_sums_merge(&into->open, &from->open);
    signal_sums_clear(&from->open);
    for (unsigned i = 0; i < RING_CELLS; i++) {
        const struct signal_packed *p = from->cells[i], *q = into->cells[i];
        if (p == NULL) continue;
        if (q == NULL || q->slot <= p->slot) { /* an older one is over */
            signal_total_clear(work);
            signal_total_add_packed(work, f, p);
            if (q != NULL && q->slot == p->slot) signal_total_add_packed(work, f, q);
            put(into, &into->cells[i], signal_pack(work, f, p->slot));
        }
        put(from, &from->cells[i], NULL);
    }
    if (from->last_us > into->last_us) into->last_us = from->last_us;
}

size_t rings_bytes(const struct rings *r) {
    size_t n = sizeof *r + r->bytes;
    for (unsigned i = 0; i < SIGNAL_TIMES; i++) n += r->open.times[i].capacity * sizeof(struct histogram_bucket);
    return n;
}

/* From any moment on the largest cell that begins there, is whole within, and is over. */
void rings_sum(const struct rings *r, enum signal_family f, int64_t from_us, int64_t to_us, struct signal_total *total) {
    int64_t slot = from_us / UNIT_US, to = to_us / UNIT_US;
    while (slot < to) {
        if (slot > r->slot) return;
        if (slot == r->slot) {
            if (r->open.last_us > 0) signal_total_add(total, f, &r->open);
            return;
        }
        unsigned ring = SIGNAL_RINGS - 1;
        while (ring > 0 && (slot % units[ring] != 0 || slot + units[ring] > to || slot + units[ring] > r->slot)) ring--;
        const struct signal_packed *p = find(r, ring, slot / units[ring]);
        if (p != NULL) signal_total_add_packed(total, f, p);
        slot += units[ring];
    }
}

unsigned rings_for(int64_t window_us) {
    unsigned ring = RING_10S;
    while (ring + 1 < SIGNAL_RINGS && window_us > signal_rings[ring].cell_us * (int64_t)signal_rings[ring].cells) ring++;
    return ring;
}
