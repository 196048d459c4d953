/* What lies in the folder of a store, for people. Nothing of it is read but its heads. */
#ifndef PIPERT_STORE_LIST_H
#define PIPERT_STORE_LIST_H
#include <stdbool.h>
#include <stdint.h>

/* The segments of one group: what one feature keeps, with the same parameters. */
typedef struct store_group {
    uint64_t group;
    int64_t segments, records, bytes;
    int64_t used;               /* last: ns since 1970 */
    int64_t in_use;             /* segments that a living process uses or writes */
    bool readable;              /* false: of another version, or damaged */
} store_group;

typedef struct store_listing {
    store_group *group;         /* [n], the one that was used last first */
    int n;
    int error;                  /* store_clear: why something is left; or 0 */
} store_listing;

/* An errno value, EPERM as plat_folder_open. The listing is freed by store_list_free. */
int store_list(const char *folder, store_listing *);
void store_list_free(store_listing *);
/* Removes what no living process uses: of each group in the listing, so much is left. What
 * cannot be removed is left, too: listing.error. */
int store_clear(const char *folder, store_listing *);
#endif
