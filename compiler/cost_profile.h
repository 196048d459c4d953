/* What `pipert profile` has measured of a feature, for those who plan. */
#ifndef PIPEC_COST_PROFILE_H
#define PIPEC_COST_PROFILE_H
#include "term.h"

/* Of one record, in ns; `fixed`: the part that does not grow with the elements. */
typedef struct OperatorCost { const char *name; int line; double ns, fixed; } OperatorCost;
/* A `where`; for each record that it is asked about; kept: of these. */
typedef struct FilterCost { int line; double ns, kept; } FilterCost;
/* Of how many records the condition of a branch holds that is taken by chance. */
typedef struct BranchCost {
    const char *operator_name, *condition;
    int line;
    double taken;
} BranchCost;
/* reached: of the records of the source; more than 1 below an `each`. */
typedef struct SectionCost {
    const char *name, *operator_name, *kind;
    int line;
    double ns, elements, reached;
} SectionCost;

struct CostProfile {
    const char *feature, *hash;
    LIST(OperatorCost) operators;
    LIST(FilterCost) filters;
    LIST(SectionCost) sections;
    LIST(BranchCost) branches;
    double record_ns, read_ns, handover_ns;
    double worker_ns, caller_ns, cpu_ns, rows;  /* of the run as a whole; cost_model.h */
    double wall_ns;             /* from one to the next, with one worker; 0: not known */
    double read_bytes;
    double cores, copy;         /* of the machine; bytes/ns */
    double copy_near;           /* of what is in a core's cache; 0: not known */
    double crowd, crowd_rows;   /* with so many threads so many rows a second; 0: not known */
    double disk_write, disk_read;       /* of what a cache keeps, bytes/ns; 0: not known */
    double places;              /* records of an epoch; 0: not known */
};

/* Of `pipert profile`, or cedar's statistics (cost_cedar.h). NULL: a diagnostic says why. */
const CostProfile *cost_profile_read(Arena *, Diags *, const char *path, const Decl *feature);

/* Whether it is of this feature: refused with the differences if it has another name;
 * noted what no longer fits if it is of another version. */
bool cost_profile_fits(const CostProfile *, Diags *, const char *path, const Decl *feature);

/* At that line, or of that name anywhere; NULL: it was not measured. */
const OperatorCost *cost_of_operator(const CostProfile *, const char *name, int line);
const FilterCost *cost_of_filter(const CostProfile *, int line);

/* What a step costs where it meets another size than where it took `ns`: the same for each
 * element, whatever its dtype is there, but for what it takes to read and write the bytes. */
double cost_elsewhere(const CostProfile *, double ns, double fixed, StepSize measured,
                      StepSize there);
/* Of a byte that is read or written: half of what it takes to copy one. */
double cost_of_byte(const CostProfile *);
#endif
