#include "collector/command_server.h"

#include "collector/command.h"
#include "collector/self/period.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <stdlib.h>

static int ask(const struct server *server, const struct server_question *question,
               const char *token, struct http_answer *answer)
{
    struct http_url url;
    struct tsdb_error err = {0};
    int64_t timeout;
    const char *where = server->url ? server->url : getenv("ANDON_URL");
    if (!period_parse(text_of(server->timeout), &timeout) || timeout == 0)
        return command_fail(COMMAND_USAGE, "--timeout is \"%s\", want a duration such as 30s",
                            server->timeout);
    if (http_url_parse(where ? where : "http://127.0.0.1:4318", &url, &err) != TSDB_OK)
        return command_fail(COMMAND_USAGE, "%s", err.msg);
    struct http_ask request = {.url = &url,
                               .path = question->path,
                               .form = question->form,
                               .is_get = question->is_get,
                               .token = token,
                               .timeout_ns = timeout};
    if (http_request(&request, answer, &err) == TSDB_OK)
        return COMMAND_OK;
    return command_fail(COMMAND_FAILED, "%s", err.msg);
}

int server_ask(const struct server *server, const struct server_question *question,
               struct http_answer *answer)
{
    char *token = server->token_file ? command_read_secret(server->token_file) : NULL;
    if (server->token_file && !token)
        return COMMAND_FAILED;
    int exit_status = ask(server, question, token, answer);
    if (exit_status != COMMAND_OK)
        writer_release(&answer->body);
    mem_free(token);
    return exit_status;
}
