/* Somebody who may want what takes long to end. */
#ifndef PIPERT_STOP_H
#define PIPERT_STOP_H
#include <stdbool.h>

typedef struct stopper {
    bool (*asked)(void *context);
    void *context;
} stopper;

static inline bool stop_asked(const stopper *s) { return s && s->asked(s->context); }
#endif
