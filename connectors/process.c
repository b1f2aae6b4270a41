#include "connectors/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STAT_START_FIELD = 22, STAT_STATE_FIELD = 3 };

/* The file's first line, cut to the size; "" where it cannot be read. */
static void read_line(const char *path, char *text, size_t size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t length = fd >= 0 ? read(fd, text, size - 1) : 0;

    text[length > 0 ? length : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    if (fd >= 0)
        close(fd);
}

/* State letter and start time; false where there is no such process or it cannot be read. */
static bool read_stat(int64_t id, char *ret_state, int64_t *ret_start_ticks)
{
    char path[64], line[1024];
    const char *at;

    snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)id);
    read_line(path, line, sizeof(line));
    at = strrchr(line, ')'); /* the command before it may hold anything */
    if (!at || strlen(at) < 3)
        return false;
    at += 2;
    *ret_state = *at;
    for (int field = STAT_STATE_FIELD; field < STAT_START_FIELD && at; field++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    if (!at)
        return false;
    *ret_start_ticks = strtoll(at, NULL, 10);
    return true;
}

void process_self(struct process *ret_self)
{
    struct process self = {.id = getpid()};
    ssize_t length;
    char state;

    if (gethostname(self.host, sizeof(self.host) - 1))
        snprintf(self.host, sizeof(self.host), "localhost");
    read_line("/proc/sys/kernel/random/boot_id", self.boot_id, sizeof(self.boot_id));
    length = readlink("/proc/self/ns/pid", self.pid_space, sizeof(self.pid_space) - 1);
    self.pid_space[length > 0 ? length : 0] = '\0';
    if (!read_stat(self.id, &state, &self.start_ticks))
        self.start_ticks = 0;
    *ret_self = self;
}

static enum process_status look_here(const struct process *other)
{
    int64_t start_ticks;
    char state;

    if (other->id <= 0 || (kill((pid_t)other->id, 0) != 0 && errno == ESRCH))
        return PROCESS_DEAD;
    if (!read_stat(other->id, &state, &start_ticks))
        return PROCESS_LIVE; /* /proc may hide the processes of other users */
    if (state == 'Z' || state == 'X')
        return PROCESS_DEAD;
    if (other->start_ticks && start_ticks != other->start_ticks)
        return PROCESS_DEAD;
    return PROCESS_LIVE;
}

enum process_status process_look(const struct process *self, const struct process *other)
{
    if (strcmp(self->boot_id, other->boot_id) == 0)
        return strcmp(self->pid_space, other->pid_space) == 0 ? look_here(other) : PROCESS_HIDDEN;
    return strcmp(self->host, other->host) == 0 ? PROCESS_DEAD : PROCESS_UNKNOWN;
}
