/* Whether two systems gave the same answers.
 *
 * usage: agree DIR_A DIR_B NAME...
 *
 * DIR_*: where ask put its answers.  Series are matched by their labels but the
 * name, points by their time; values agree when they differ by at most 1e-9 of the larger one, or
 * are both NaN. One JSON line a query: how many series and points each side has, how many agree.
 */

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOLERANCE 1e-9

struct count {
    size_t series_a, series_b, points_a, points_b, agree;
    double worst; /* relative difference */
};

static bool is_close(double a, double b, double *worst)
{
    if (a == b || (isnan(a) && isnan(b)))
        return true;
    double off = fabs(a - b) / fmax(fabs(a), fabs(b));
    if (isnan(off) || off > *worst)
        *worst = isnan(off) ? (double)INFINITY : off;
    return off <= TOLERANCE;
}

static double value_of(const json_t *point)
{
    const char *text = json_string_value(json_array_get(point, 1));
    return text ? strtod(text, NULL) : (double)NAN;
}

static double time_of(const json_t *point)
{
    return json_number_value(json_array_get(point, 0));
}

/* Both are in the order of time. */
static void compare_points(const json_t *a, const json_t *b, struct count *c)
{
    size_t i = 0, k = 0;
    while (i < json_array_size(a) && k < json_array_size(b)) {
        const json_t *x = json_array_get(a, i), *y = json_array_get(b, k);
        double off = time_of(x) - time_of(y);
        if (fabs(off) < 0.0005) {
            c->agree += is_close(value_of(x), value_of(y), &c->worst);
            i++;
            k++;
        } else if (off < 0) {
            i++;
        } else {
            k++;
        }
    }
}

static size_t points_in(const json_t *result)
{
    size_t n = 0, i;
    json_t *series;
    json_array_foreach(result, i, series) n += json_array_size(json_object_get(series, "values"));
    return n;
}

/* The series of the answer by their labels, written sorted. */
static json_t *by_labels(const json_t *result)
{
    json_t *map = json_object();
    size_t i;
    json_t *series;
    json_array_foreach(result, i, series)
    {
        /* VictoriaMetrics leaves the name on after functions that do not change the unit. */
        (void)json_object_del(json_object_get(series, "metric"), "__name__");
        char *key = json_dumps(json_object_get(series, "metric"), JSON_SORT_KEYS | JSON_COMPACT);
        if (json_object_set(map, key, json_object_get(series, "values")) != 0)
            exit(1);
        free(key);
    }
    return map;
}

static json_t *load_result(const char *dir, const char *name, json_t **root)
{
    char path[512];
    json_error_t err;
    (void)snprintf(path, sizeof path, "%s/%s.json", dir, name);
    *root = json_load_file(path, 0, &err);
    if (!*root)
        (void)fprintf(stderr, "%s: %s\n", path, err.text);
    return json_object_get(json_object_get(*root, "data"), "result");
}

static bool compare(const char *dir_a, const char *dir_b, const char *name)
{
    json_t *root_a, *root_b;
    json_t *a = load_result(dir_a, name, &root_a), *b = load_result(dir_b, name, &root_b);
    struct count c = {json_array_size(a), json_array_size(b), points_in(a), points_in(b), 0, 0};
    json_t *map_a = by_labels(a), *map_b = by_labels(b), *values;
    const char *key;
    json_object_foreach(map_a, key, values) compare_points(values, json_object_get(map_b, key), &c);
    bool is_same = a && b && c.points_a == c.points_b && c.agree == c.points_a;
    (void)printf("{\"query\":\"%s\",\"same\":%s,\"series\":[%zu,%zu],\"points\":[%zu,%zu],"
                 "\"agree\":%zu,\"worst\":%.3g}\n",
                 name, is_same ? "true" : "false", c.series_a, c.series_b, c.points_a, c.points_b,
                 c.agree, isfinite(c.worst) ? c.worst : 1e300);
    json_decref(map_a);
    json_decref(map_b);
    json_decref(root_a);
    json_decref(root_b);
    return is_same;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        (void)fprintf(stderr, "usage: agree DIR_A DIR_B NAME...\n");
        return 2;
    }
    int differ = 0;
    for (int i = 3; i < argc; i++)
        differ += !compare(argv[1], argv[2], argv[i]);
    return differ ? 1 : 0;
}
