/* Where the next batch comes from, as text. */
#include "internal.h"
#include <stdlib.h>
#include <string.h>

int state_check(pipert *p) { (void)p; return 0; }
void state_free(pipert *p) { (void)p; }
int pipert_save(pipert *p, char *text, size_t size) { (void)p; (void)text; (void)size; return PIPERT_NOT_YET; }
int pipert_restore(pipert *p, const char *text) { (void)p; (void)text; return PIPERT_NOT_YET; }
