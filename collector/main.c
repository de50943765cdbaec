/* andon: one program, several commands; each lives in a file of its own. */
#include "collector/command.h"
#include "collector/serve.h"

#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    int (*run)(int argc, const char *const *argv); /* without program and name */
};

static const struct command commands[] = {
    {"serve", serve},
    {"send", command_send},
    {"query", command_query},
    {"inspect", command_inspect},
    {"verify", command_verify},
    {"check", command_check},
    {"version", command_version},
    {"help", command_help},
    {"--help", command_help},
    {"-h", command_help},
};

int main(int argc, char **argv)
{
    const char *const *args = (const char *const *)argv;
    if (argc < 2 || (args[1][0] == '-' && strcmp(args[1], "--help") != 0 &&
                     strcmp(args[1], "-h") != 0))
        return serve(argc - 1, args + 1);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(args[1], commands[i].name) == 0)
            return commands[i].run(argc - 2, args + 2);
    (void)fprintf(stderr, "andon: unknown command \"%s\"; see andon --help\n", args[1]);
    return 2;
}
