/* andon: one program, several commands; each lives in a file of its own. */
#include "collector/command.h"
#include "collector/serve.h"

#include <string.h>

static int show(void (*help)(struct writer *w))
{
    struct writer w = {0};
    help(&w);
    bool is_shown = command_print(&w);
    writer_release(&w);
    return is_shown ? COMMAND_OK : COMMAND_FAILED;
}

int main(int argc, char **argv)
{
    const char *const *args = (const char *const *)argv;
    const char *word = argc > 1 ? args[1] : "serve";
    bool is_flag = word[0] == '-';
    bool is_help = command_is_help(argc - 1, args + 1);
    if (strcmp(word, "help") == 0 || (is_help && argc == 2 && is_flag))
        return show(command_help);
    if (is_help && (is_flag || strcmp(word, "serve") == 0))
        return show(command_serve_help);
    if (argc < 2 || is_flag)
        return serve(argc - 1, args + 1);
    if (strcmp(word, "serve") == 0)
        return serve(argc - 2, args + 2);
    const struct command *command = command_find(word);
    if (!command)
        return command_fail(COMMAND_USAGE, "unknown command \"%s\"; see andon --help", word);
    int status = command->run(argc - 2, args + 2);
    return is_help ? COMMAND_OK : status;
}
