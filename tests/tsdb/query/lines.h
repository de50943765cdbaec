/* lines.h - tables of tests that are text files: "input => expected", one a
 * line; lines that begin with "# " are headings. */
#ifndef TESTS_TSDB_QUERY_LINES_H
#define TESTS_TSDB_QUERY_LINES_H

#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"

#include <criterion/criterion.h>

#include <stdio.h>

/* Calls fn for each line; returns how many there were. */
static inline int each_line(const char *path, void (*fn)(const char *where, struct tsdb_text input,
                                                         struct tsdb_text expected))
{
    static char line[16384];
    char where[128];
    int count = 0, number = 0;
    FILE *f = fopen(path, "r");
    cr_assert_not_null(f, "%s: run from the repository root", path);
    while (fgets(line, sizeof line, f)) {
        number++;
        size_t len = strcspn(line, "\n");
        if (len == 0 || (line[0] == '#' && line[1] == ' '))
            continue;
        line[len] = '\0';
        (void)snprintf(where, sizeof where, "%s:%d", path, number);
        const char *arrow = strstr(line, " => ");
        size_t input_len = arrow ? (size_t)(arrow - line) : len;
        struct tsdb_text input = {line, input_len};
        struct tsdb_text expected = arrow ? text_of(arrow + 4) : input;
        fn(where, input, expected);
        count++;
    }
    (void)fclose(f);
    return count;
}

#endif
