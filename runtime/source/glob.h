/* Files by pattern. `*` and `?` stay within a name, `?` is one character, [a-z] and
 * [!a-z] are one of a set, `**` is any number of folders. A name that begins with
 * a dot needs a pattern that does. */
#ifndef PIPERT_GLOB_H
#define PIPERT_GLOB_H
#include "../plat.h"
#include "../stop.h"

/* Paths below a root, sorted by their bytes. */
typedef struct glob_list {
    char *text;                 /* of all, each with its 0 */
    size_t used, room;
    char **path; int64_t n;
} glob_list;

bool glob_has_wildcard(const char *pattern);
/* Finds regular files below root, through links to files and folders. Dangling
 * links count as files. 0, or a message in why. stop: NULL, or who may end it. */
int glob_find(glob_list *, const char *root, const char *pattern, const stopper *stop,
              char *why, size_t n);
void glob_free(glob_list *);
#endif
