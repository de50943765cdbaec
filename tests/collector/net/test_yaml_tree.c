#include "collector/net/yaml_tree.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <stdio.h>

static enum tsdb_status parse(const char *text, struct arena *arena, struct yaml_node **out,
                              struct tsdb_error *err)
{
    struct bytes in = {(const uint8_t *)text, strlen(text)};
    arena_init(arena, 1 << 22, NULL);
    *err = (struct tsdb_error){0};
    return yaml_tree_parse("f.yml", in, arena, out, err);
}

Test(yaml_tree, builds_a_tree_with_places)
{
    struct arena arena;
    struct tsdb_error err;
    struct yaml_node *root;
    cr_assert_eq(parse("a: 1\nb:\n  - 'x'\n  - {c: y}\n", &arena, &root, &err), TSDB_OK, "%s",
                 err.msg);
    const struct yaml_node *b = yaml_find(root, "b");
    cr_assert_eq(b->kind, YAML_LIST);
    cr_assert_eq(b->first->line, 3);
    cr_assert_eq(b->first->column, 5);
    cr_assert(b->first->is_quoted);
    const struct yaml_node *c = yaml_find(b->last, "c");
    cr_assert(text_equal(c->text, text_of("y")));
    cr_assert_null(yaml_find(root, "c"));
    (void)yaml_fail(&err, "f.yml", c, "no");
    cr_assert_str_eq(err.msg, "f.yml:4:9: no");
    arena_release(&arena);
}

Test(yaml_tree, depth_holds_at_the_limit_and_one_above)
{
    struct arena arena;
    struct tsdb_error err;
    struct yaml_node *root;
    for (int depth = YAML_DEPTH_MAX; depth <= YAML_DEPTH_MAX + 1; depth++) {
        char text[64];
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        text[2 * depth] = 0;
        enum tsdb_status st = parse(text, &arena, &root, &err);
        cr_assert_eq(st, depth > YAML_DEPTH_MAX ? TSDB_EINVAL : TSDB_OK, "%d: %s", depth, err.msg);
        arena_release(&arena);
    }
}

Test(yaml_tree, an_arena_too_small_is_an_error)
{
    struct arena arena;
    struct tsdb_error err;
    struct yaml_node *root;
    arena_init(&arena, 10, NULL);
    struct bytes in = {(const uint8_t *)"a: b", 4};
    cr_assert_neq(yaml_tree_parse("f.yml", in, &arena, &root, &err), TSDB_OK);
    cr_assert(strstr(err.msg, "too large"), "%s", err.msg);
    arena_release(&arena);
}
