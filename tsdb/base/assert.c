#include "tsdb/base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void assert_fail(const char *fact, const char *file, int line)
{
    (void)fprintf(stderr, "level=error room=assert file=%s line=%d msg=\"%s\"\n", file, line, fact);
    abort();
}
