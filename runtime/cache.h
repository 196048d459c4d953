/* What a feature keeps from one epoch to the next (pl_cut): which record has which key,
 * what is above the cut through the compiled code, and back. store.h keeps the bytes.
 * Whatever goes wrong here costs time and no values: the record is made as a whole. */
#ifndef PIPERT_CACHE_H
#define PIPERT_CACHE_H
#include "store.h"

typedef struct cache cache;
struct pipert;
struct run;
struct worker;
struct node;

/* Once source and parameters are there. p->cache stays NULL where nothing is kept. */
void cache_open(struct pipert *);
void cache_close(struct pipert *);
/* Records that came from it. */
int64_t cache_hits(const struct pipert *);
/* To the log, in the caller's thread: what the store had to say. */
void cache_tell(struct pipert *);
/* Where cache(disk) keeps values if nobody says; NULL: nowhere. */
const char *cache_user_folder(char *to, size_t n);
/* An epoch begins. */
void cache_epoch(struct pipert *);
/* What a run has of it: r->kept, r->keys. false: no memory. */
bool cache_run(struct pipert *, struct run *);
void cache_run_fini(struct pipert *, struct run *);
/* Of the run's next n records (run.index): the first so many are all kept, or none of
 * them is. What is found is in r->kept until cache_forget. Lock not held. */
int64_t cache_look(struct pipert *, struct run *, int64_t n);
void cache_forget(struct pipert *, struct run *);
/* Memory for what stands above the cut: in that of the record. NULL: none. */
void *cache_alloc_out(struct worker *, size_t bytes);
/* Enters record i of the run, as record_enter; *out may be NULL if it is rejected. */
int cache_enter(struct worker *, struct run *, int64_t i, uint64_t id, struct node **out);
#endif
