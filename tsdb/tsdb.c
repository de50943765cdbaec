/* tsdb.c - the facade. */
#include "tsdb/tsdb.h"
