/* Messages over a stream between two processes of one build of pipert: a type, and
 * values in the order they were put, as they lie in memory. */
#ifndef PIPERT_MESSAGE_H
#define PIPERT_MESSAGE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct message {
    int type;
    char *at;                   /* what it owns; the first bytes are its head */
    size_t room, end, next;
    bool bad;                   /* no memory, or more was read than there is */
} message;

/* One that is zeroed may be used again and again; message_free ends it. */
void message_begin(message *, int type);
void message_put(message *, const void *, size_t);
void message_put_number(message *, int64_t);
void message_put_text(message *, const char *);             /* NULL is "" */
/* 0 or an errno value. */
int message_send(int fd, message *);

/* The next one, whole. */
int message_receive(int fd, message *);
/* n bytes, good until the next message_receive; NULL: there are not as many. */
const void *message_get(message *, size_t);
int64_t message_get_number(message *);                      /* 0 */
const char *message_get_text(message *);                    /* "" */
void message_free(message *);
#endif
