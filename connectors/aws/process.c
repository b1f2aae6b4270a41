#include "connectors/aws/process.h"

#include "runner/base/mem.h"
#include "runner/base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- words --- */

struct splitter {
    const char *next;
    char *out; /* in the block: never longer than the command */
};

/* One word, quotes taken off; false: a quote is open. */
static bool take_word(struct splitter *splitter)
{
    char quote = '\0';

    for (; *splitter->next && (quote || !strchr(" \t\r\n", *splitter->next)); splitter->next++) {
        const char c = *splitter->next, after = splitter->next[1];

        if (c == quote) {
            quote = '\0';
        } else if (!quote && (c == '\'' || c == '"')) {
            quote = c;
        } else if (c == '\\' && quote != '\'' && after && (!quote || strchr("\\\"$`", after))) {
            *splitter->out++ = after;
            splitter->next++;
        } else {
            *splitter->out++ = c;
        }
    }
    *splitter->out++ = '\0';
    return quote == '\0';
}

int process_words(const char *command, char ***ret_words, struct error *err)
{
    const size_t length = strlen(command), words_max = length / 2 + 2;
    char **words = mem_calloc(words_max * sizeof(*words) + length + 1, 1);
    struct splitter splitter = {command, (char *)(words + words_max)};
    size_t count = 0;

    for (;;) {
        splitter.next += strspn(splitter.next, " \t\r\n");
        if (!*splitter.next)
            break;
        words[count++] = splitter.out;
        if (!take_word(&splitter)) {
            free(words);
            return error_set(err, ERROR_INVALID, "a quote is open: close it");
        }
    }
    if (count == 0 || !words[0][0]) {
        free(words);
        return error_set(err, ERROR_INVALID, "it names no program");
    }
    *ret_words = words;
    return 0;
}

/* --- the process --- */

struct child {
    pid_t pid;
    int output; /* its standard output; does not block */
    int status;
    bool ended;
};

static int spawn(char *const *words, int output, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    int result;

    sigemptyset(&none);
    sigfillset(&defaults);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none); /* jobs' threads block all */
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    result = posix_spawnp(ret_pid, words[0], &actions, &attributes, words, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return result;
}

static int start(char *const *words, struct child *child, struct error *err)
{
    int ends[2], result;

    if (pipe2(ends, O_CLOEXEC))
        return error_set_errno(err, errno, "%s: no pipe to read from it", words[0]);
    result = spawn(words, ends[1], &child->pid);
    close(ends[1]);
    if (result) {
        close(ends[0]);
        return error_set_errno(err, result, "%s cannot be run", words[0]);
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    child->output = ends[0];
    return 0;
}

static void look_at_end(struct child *child, int flags)
{
    pid_t ended;

    while (!child->ended && (ended = waitpid(child->pid, &child->status, flags)) != 0) {
        if (ended == child->pid || errno != EINTR)
            child->ended = true;
    }
}

/* Reads what is there. 0: end of it. */
static int drain(struct child *child, struct buffer *output)
{
    char bytes[4096];
    ssize_t length;

    while (
        (length = read(child->output, bytes, sizeof(bytes))) > 0 || (length < 0 && errno == EINTR))
        if (length > 0)
            buffer_append(output, bytes, (size_t)length);
    explicit_bzero(bytes, sizeof(bytes));
    return length == 0 ? 0 : 1;
}

/* Until it has ended: somebody else may hold its output open for longer (an agent that it left
 * behind), and it may close it before. */
static int wait_for(struct child *child, const char *name, const struct process_limits *limits,
    bool (*stop)(const void *data), const void *data, struct buffer *output, struct error *err)
{
    enum { LOOK_MS = 50, NS_PER_MS = 1000000 };
    const uint64_t until_ns = time_monotonic_ns() + (uint64_t)limits->time_ms * NS_PER_MS;
    struct pollfd wanted = {.fd = child->output, .events = POLLIN};

    while (!child->ended) {
        look_at_end(child, WNOHANG);
        if (drain(child, output) == 0)
            wanted.fd = -1; /* poll() waits the time out */
        if (output->overflowed)
            return error_set(
                err, ERROR_LIMIT, "%s printed more than %zu bytes", name, limits->output_bytes);
        if (child->ended)
            break;
        if (stop(data))
            return error_set(err, ERROR_STOPPED, "%s was stopped", name);
        if (time_monotonic_ns() >= until_ns)
            return error_set(err, ERROR_TIMEOUT, "%s has not ended after %lld s", name,
                (long long)(limits->time_ms / MS_PER_SECOND));
        poll(&wanted, 1, LOOK_MS);
    }
    if (!WIFEXITED(child->status) || WEXITSTATUS(child->status) != 0)
        return error_set(err, ERROR_DENIED, "%s ended with %s %d: run it by hand to see why", name,
            WIFSIGNALED(child->status) ? "signal" : "status",
            WIFSIGNALED(child->status) ? WTERMSIG(child->status) : WEXITSTATUS(child->status));
    return 0;
}

int process_run(char *const *words, const struct process_limits *limits,
    bool (*stop)(const void *data), const void *data, struct buffer *ret_output, struct error *err)
{
    struct child child = {0};
    struct buffer output;
    int result;

    if (start(words, &child, err))
        return -1;
    buffer_init(&output, limits->output_bytes);
    result = wait_for(&child, words[0], limits, stop, data, &output, err);
    if (!child.ended) {
        kill(-child.pid, SIGKILL);
        look_at_end(&child, 0);
    }
    close(child.output);
    if (result == 0)
        buffer_append(ret_output, output.data, output.length);
    explicit_bzero(output.data, output.length);
    buffer_deinit(&output);
    return result;
}
