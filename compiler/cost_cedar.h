/* Statistics that cedar's profiler wrote, as a profile. */
#ifndef PIPEC_COST_CEDAR_H
#define PIPEC_COST_CEDAR_H
#include "cost_profile.h"
#include "../runtime/tool/yaml_file.h"

/* By its keys: baseline, with latencies and a throughput. */
bool cedar_is(const yml_node *root);
/* False: a diagnostic says why it will not do. What no operator of the feature is found
 * for is told. */
bool cedar_read(Arena *, Diags *, const char *path, const yml_node *root,
                const Decl *feature, CostProfile *);
#endif
