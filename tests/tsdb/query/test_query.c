#include "script.h"

#include <dirent.h>

/* Runs every *.test file of a folder, or one file. */
static void run_file(const char *path)
{
    struct script s = {0};
    char *text = script_read(path);
    script_run_text(&s, path, text);
    mem_free(text);
    cr_log_info("%s: %u queries, %u wrong", path, s.evals, s.failures);
    cr_expect_eq(s.failures, 0, "%s: %u of %u queries answered wrong", path, s.failures, s.evals);
    cr_expect_gt(s.evals, 0, "%s: no queries", path);
}

/* A folder of scenarios from elsewhere: QUERY_SCENARIOS=file-or-folder. */
Test(query, answers_the_scenarios_it_is_pointed_to)
{
    const char *path = getenv("QUERY_SCENARIOS");
    if (path)
        run_file(path);
}
