/* list.h - intrusive doubly linked ring. The head is a `struct list` that links to itself when empty.
 * A node that is on no list links to itself too, so list_remove is safe twice. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

#define list_item(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))

static inline void list_init(struct list *l) { l->next = l->prev = l; }
static inline bool list_empty(const struct list *l) { return l->next == l; }
static inline void list_remove(struct list *node) {
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}
static inline void list_push(struct list *head, struct list *node) { /* at the back */
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}
static inline void list_unshift(struct list *head, struct list *node) { list_push(head->next, node); }
static inline struct list *list_shift(struct list *head) { /* NULL when empty */
    if (list_empty(head)) return NULL;
    struct list *node = head->next;
    list_remove(node);
    return node;
}

#endif
