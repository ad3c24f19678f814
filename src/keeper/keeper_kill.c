#define _GNU_SOURCE

#include "keeper/keeper_kill.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#ifdef __linux__

struct process {
  pid_t pid, parent;
  unsigned long long start_time;
  bool ours;
};

struct table {
  struct process* rows;
  size_t count, room;
};

static bool look_up(pid_t pid, struct process* out) {
  char path[48], line[1024];
  snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const ssize_t n = read(fd, line, sizeof line - 1);
  close(fd);
  if (n <= 0) return false;
  line[n] = '\0';
  // The name, in brackets, may hold anything. Fields 4 (parent) and 22 (start time) of proc(5).
  const char* const rest = strrchr(line, ')');
  long parent = 0;
  if (rest == NULL ||
      sscanf(rest + 1, " %*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &parent,
             &out->start_time) != 2)
    return false;
  out->pid = pid;
  out->parent = (pid_t)parent;
  out->ours = false;
  return true;
}

static bool add_row(struct table* all, const struct process* row) {
  if (all->count == all->room) {
    const size_t room = all->room == 0 ? 256 : 2 * all->room;
    struct process* const rows = realloc(all->rows, room * sizeof *rows);
    if (rows == NULL) return false;
    all->rows = rows;
    all->room = room;
  }
  all->rows[all->count++] = *row;
  return true;
}

static int by_pid(const void* a, const void* b) {
  const pid_t left = ((const struct process*)a)->pid, right = ((const struct process*)b)->pid;
  return (left > right) - (left < right);
}

// Thanks to the subreaper all that the agent's processes ever forked hangs below the keeper.
static void mark_descendants(struct table* all, pid_t keeper) {
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < all->count; ++i) {
      struct process* const row = &all->rows[i];
      if (row->ours) continue;
      const struct process wanted = {.pid = row->parent};
      const struct process* const parent = bsearch(&wanted, all->rows, all->count, sizeof wanted, by_pid);
      if (row->parent == keeper || (parent != NULL && parent->ours)) row->ours = changed = true;
    }
  }
}

static struct table descendants(void) {
  struct table all = {NULL, 0, 0};
  DIR* const folder = opendir("/proc");
  if (folder == NULL) return all;
  for (const struct dirent* entry; (entry = readdir(folder)) != NULL;) {
    const pid_t pid = (pid_t)atol(entry->d_name);
    struct process row;
    if (pid > 0 && look_up(pid, &row) && !add_row(&all, &row)) break;
  }
  closedir(folder);
  if (all.count > 0) qsort(all.rows, all.count, sizeof *all.rows, by_pid);
  mark_descendants(&all, getpid());
  return all;
}

// A grandchild may end and its pid be another's before the signal: so it goes through a descriptor, opened before the
// process was looked at again. Our own children keep their pids until we reap them.
static void signal_one(const struct process* row, int signal_number) {
#ifdef SYS_pidfd_open
  const int watch = getenv("COBATCH_NO_PIDFD") == NULL ? (int)syscall(SYS_pidfd_open, row->pid, 0U) : -1;
#else
  const int watch = -1;
#endif
  struct process again;
  if (look_up(row->pid, &again) && again.start_time == row->start_time) {
#ifdef SYS_pidfd_send_signal
    if (watch >= 0)
      syscall(SYS_pidfd_send_signal, watch, signal_number, NULL, 0U);
    else
#endif
      kill(row->pid, signal_number);
  }
  if (watch >= 0) close(watch);
}

void signal_descendants(pid_t agent, int signal_number) {
  const struct table all = descendants();
  for (size_t i = 0; i < all.count; ++i)
    if (all.rows[i].ours) signal_one(&all.rows[i], signal_number);
  // Where /proc cannot be read the agent's process group is all that can be reached.
  if (all.count == 0) kill(-agent, signal_number);
  free(all.rows);
}

bool descendants_left(pid_t agent) {
  (void)agent;
  return false;
}

#else

void signal_descendants(pid_t agent, int signal_number) {
  kill(-agent, signal_number);
}

bool descendants_left(pid_t agent) {
  return kill(-agent, 0) == 0;
}

#endif
