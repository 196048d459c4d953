/* Whether two trees say the same, wherever they stand in their files. */
#ifndef TREE_EQUAL_H
#define TREE_EQUAL_H
#include "dsl/ast.h"

bool modules_equal(const Module *, const Module *);
#endif
