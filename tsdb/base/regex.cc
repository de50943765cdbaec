/* In C a function and a struct may share a name, as tsdb_stats does. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
extern "C" {
#include "tsdb/base/regex.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
}
#pragma GCC diagnostic pop

#include <algorithm>
#include <memory>
#include <new>
#include <re2/re2.h>
#include <re2/stringpiece.h>
#include <string>

/* No exception leaves this file: RE2 throws none, and memory running out ends
 * the process here as everywhere. */

struct regex {
    std::unique_ptr<RE2> compiled;
    std::string pattern, prefix;
    struct tsdb_text *literals; /* owned; NULL when there are none */
    uint32_t literal_count;
    uint32_t group_count;
};

namespace
{

struct tsdb_text text_over(const std::string &s)
{
    return {s.data(), s.size()};
}

/* Every match lies between min and max, so it begins with what they share. */
std::string prefix_of(const RE2 &compiled)
{
    std::string min, max;
    if (!compiled.PossibleMatchRange(&min, &max, REGEX_PREFIX_BYTES_MAX))
        return {};
    size_t shared = 0;
    while (shared < min.size() && shared < max.size() && min[shared] == max[shared])
        shared++;
    return min.substr(0, shared);
}

int order(struct tsdb_text a, struct tsdb_text b)
{
    size_t shorter = std::min(a.len, b.len);
    int by_bytes = shorter ? std::char_traits<char>::compare(a.at, b.at, shorter) : 0;
    if (by_bytes != 0)
        return by_bytes;
    return a.len < b.len ? -1 : a.len > b.len;
}

bool literals_have(const struct regex *re, struct tsdb_text text)
{
    uint32_t from = 0, to = re->literal_count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        int side = order(re->literals[middle], text);
        if (side == 0)
            return true;
        if (side < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return false;
}

bool run(const struct regex *re, struct tsdb_text text, RE2::Anchor anchor,
         struct tsdb_text *groups, uint32_t count)
{
    re2::StringPiece in(text.at ? text.at : "", text.len);
    if (count == 0)
        return re->compiled->Match(in, 0, text.len, anchor, nullptr, 0);
    re2::StringPiece found[REGEX_GROUPS_MAX + 1];
    uint32_t known = std::min(count, re->group_count + 1);
    if (!re->compiled->Match(in, 0, text.len, anchor, found, static_cast<int>(known)))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        groups[i].at = i < known ? found[i].data() : nullptr;
        groups[i].len = i < known ? found[i].size() : 0;
    }
    return true;
}

enum tsdb_status compile_failed(const RE2 &compiled, struct tsdb_error *err)
{
    bool is_large = compiled.error_code() == RE2::ErrorPatternTooLarge;
    return tsdb_fail(err, is_large ? TSDB_ELIMIT : TSDB_EINVAL, "regular expression: %.*s",
                     static_cast<int>(std::min<size_t>(compiled.error().size(), 160)),
                     compiled.error().data());
}

} // namespace

enum tsdb_status regex_new(struct tsdb_text pattern, struct regex **out, struct tsdb_error *err)
{
    if (pattern.len > REGEX_PATTERN_BYTES_MAX)
        return tsdb_fail(err, TSDB_ELIMIT, "regular expression: %zu bytes, at most %d", pattern.len,
                         static_cast<int>(REGEX_PATTERN_BYTES_MAX));
    RE2::Options options;
    options.set_log_errors(false);
    options.set_dot_nl(true);
    options.set_max_mem(REGEX_MEMORY_BYTES_MAX);

    std::unique_ptr<struct regex> re(new struct regex());
    re->pattern.assign(pattern.at ? pattern.at : "", pattern.len);
    re->compiled.reset(new RE2(re->pattern, options));
    if (!re->compiled->ok())
        return compile_failed(*re->compiled, err);
    if (re->compiled->ProgramSize() > REGEX_PROGRAM_MAX)
        return tsdb_fail(err, TSDB_ELIMIT, "regular expression: %d instructions, at most %d",
                         re->compiled->ProgramSize(), static_cast<int>(REGEX_PROGRAM_MAX));
    if (re->compiled->NumberOfCapturingGroups() > REGEX_GROUPS_MAX)
        return tsdb_fail(err, TSDB_ELIMIT, "regular expression: %d groups, at most %d",
                         re->compiled->NumberOfCapturingGroups(),
                         static_cast<int>(REGEX_GROUPS_MAX));
    re->group_count = static_cast<uint32_t>(re->compiled->NumberOfCapturingGroups());
    re->literals = regex_literals_parse(text_over(re->pattern), &re->literal_count);
    if (!re->literals)
        re->prefix = prefix_of(*re->compiled);
    *out = re.release();
    return TSDB_OK;
}

void regex_free(struct regex *re)
{
    if (!re)
        return;
    mem_free(re->literals);
    delete re;
}

struct tsdb_text regex_pattern(const struct regex *re)
{
    return text_over(re->pattern);
}

bool regex_match(const struct regex *re, struct tsdb_text text)
{
    if (re->literals)
        return literals_have(re, text);
    return run(re, text, RE2::ANCHOR_BOTH, nullptr, 0);
}

bool regex_groups(const struct regex *re, struct tsdb_text text, struct tsdb_text *groups,
                  uint32_t count)
{
    return run(re, text, RE2::ANCHOR_BOTH, groups, count);
}

bool regex_search(const struct regex *re, struct tsdb_text text, struct tsdb_text *groups,
                  uint32_t count)
{
    return run(re, text, RE2::UNANCHORED, groups, count);
}

uint32_t regex_group_count(const struct regex *re)
{
    return re->group_count;
}

struct tsdb_text regex_group_name(const struct regex *re, uint32_t group)
{
    const auto &names = re->compiled->CapturingGroupNames();
    auto found = names.find(static_cast<int>(group));
    return found == names.end() ? tsdb_text{"", 0} : text_over(found->second);
}

uint32_t regex_group_find(const struct regex *re, struct tsdb_text name)
{
    const auto &groups = re->compiled->NamedCapturingGroups();
    auto found = groups.find(std::string(name.at ? name.at : "", name.len));
    return found == groups.end() ? 0 : static_cast<uint32_t>(found->second);
}

const struct tsdb_text *regex_literals(const struct regex *re, uint32_t *count)
{
    *count = re->literal_count;
    return re->literals;
}

struct tsdb_text regex_prefix(const struct regex *re)
{
    return text_over(re->prefix);
}
