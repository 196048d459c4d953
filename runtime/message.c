#include "message.h"
#include "plat.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct head { int64_t type, bytes; } head;

static bool make_room(message *m, size_t n) {
    size_t room = m->room ? m->room : 256;
    char *at;
    if (m->bad || n > SIZE_MAX / 4 - m->end) return m->bad = true, false;
    while (room < m->end + n) room *= 2;
    if (room == m->room) return true;
    at = realloc(m->at, room);
    if (!at) return m->bad = true, false;
    m->at = at;
    m->room = room;
    return true;
}

void message_begin(message *m, int type) {
    m->type = type;
    m->bad = false;
    m->end = 0;
    if (make_room(m, sizeof(head))) m->end = sizeof(head);
}

void message_put(message *m, const void *from, size_t n) {
    if (!make_room(m, n)) return;
    if (n) memcpy(m->at + m->end, from, n);
    m->end += n;
}

void message_put_number(message *m, int64_t n) { message_put(m, &n, sizeof n); }

void message_put_text(message *m, const char *text) {
    message_put(m, text ? text : "", text ? strlen(text) + 1 : 1);
}

int message_send(int fd, message *m) {
    head h = {m->type, (int64_t)(m->end - sizeof h)};
    if (m->bad) return ENOMEM;
    memcpy(m->at, &h, sizeof h);
    return plat_send(fd, m->at, m->end);
}

int message_receive(int fd, message *m) {
    head h;
    int error = plat_receive(fd, &h, sizeof h);
    if (error) return error;
    m->type = (int)h.type;
    m->bad = false;
    m->end = m->next = 0;
    if (h.bytes < 0 || !make_room(m, (size_t)h.bytes)) return ENOMEM;
    m->end = (size_t)h.bytes;
    return plat_receive(fd, m->at, m->end);
}

const void *message_get(message *m, size_t n) {
    if (m->bad || n > m->end - m->next) return m->bad = true, NULL;
    m->next += n;
    return m->at + m->next - n;
}

int64_t message_get_number(message *m) {
    int64_t n = 0;
    const void *at = message_get(m, sizeof n);
    if (at) memcpy(&n, at, sizeof n);
    return n;
}

const char *message_get_text(message *m) {
    const char *at = m->at + m->next;
    size_t n = m->bad ? 0 : strnlen(at, m->end - m->next);
    return message_get(m, n + 1) ? at : "";
}

void message_free(message *m) {
    free(m->at);
    memset(m, 0, sizeof *m);
}
