/* command_server.h - the server that a command asks, and one question to it.
 *
 * Its URL is --url, else $ANDON_URL, else http://127.0.0.1:4318; a token is read from a file.
 */
#ifndef COLLECTOR_COMMAND_SERVER_H
#define COLLECTOR_COMMAND_SERVER_H

#include "collector/command_http.h"

struct server { /* as the flags have it */
    const char *url, *token_file, *timeout;
};

struct server_question {
    const char *path;
    struct bytes form;
    bool is_get; /* the form is the query string; else it is posted */
};

/* COMMAND_OK: answer->body is the caller's to release, whatever its status.  Else it was said
 * on stderr, and that is the exit status. */
int server_ask(const struct server *server, const struct server_question *question,
               struct http_answer *answer);

#endif
