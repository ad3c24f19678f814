// For macOS; and built and tested on Linux with COBATCH_PORTABLE, so that all of it but single lines is run by tests.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/system.h"
#ifdef __APPLE__
#define st_mtim st_mtimespec
#define st_ctim st_ctimespec
#define birth_of(info) to_ns((info).st_birthtimespec)
#else
#define birth_of(info) 0
#endif

// ---- Files

static int64_t to_ns(struct timespec time) { return time.tv_sec * INT64_C(1000000000) + time.tv_nsec; }

int cobatch_look_at_file(int fd, const char* path, struct cobatch_file* out) {
  struct stat info;
  if ((path == NULL ? fstat(fd, &info) : lstat(path, &info)) != 0) return -1;
  out->mode = info.st_mode;
  out->device = (uint64_t)info.st_dev;
  out->inode = (uint64_t)info.st_ino;
  out->links = (uint64_t)info.st_nlink;
  out->size = (int64_t)info.st_size;
  out->modified_ns = to_ns(info.st_mtim);
  out->changed_ns = to_ns(info.st_ctim);
  out->birth_ns = birth_of(info);
  out->mount = (int64_t)info.st_dev;
  return 0;
}

int cobatch_rename_to_free_name(const char* from, const char* to) {
  (void)from;
  (void)to;
  errno = ENOSYS;
  return -1;
}

int cobatch_watch_file(const char* path) {
  (void)path;
  return -1;
}

// ---- Processes

void cobatch_boot_id(char* out, size_t room) {
  (void)room;
  *out = '\0';
}

int64_t cobatch_pid_namespace(void) { return 0; }

void cobatch_look_up_process(pid_t pid, struct cobatch_process* out) {
  memset(out, 0, sizeof *out);
  out->pid = pid;
  const bool there = pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
  out->answer = there ? COBATCH_PROCESS_UNREADABLE : COBATCH_PROCESS_GONE;
}

pid_t* cobatch_all_pids(size_t* count) {
  *count = 0;
  return NULL;
}

int cobatch_watch_death(pid_t pid) {
  (void)pid;
  return -1;
}

void cobatch_send_signal(int watch, pid_t pid, int signal_number) {
  (void)watch;
  kill(pid, signal_number);
}

// ---- This process

// A fork of another thread may see the ends before they are marked.
int cobatch_pipe(int ends[2]) {
  if (pipe(ends) != 0) return -1;
  for (int i = 0; i < 2; ++i) fcntl(ends[i], F_SETFD, FD_CLOEXEC);
  return 0;
}

ssize_t cobatch_program_path(char* out, size_t room) {
  (void)out;
  (void)room;
  return -1;
}

bool cobatch_adopt_orphans(void) { return false; }

bool cobatch_die_with_parent(void) { return false; }

// poll tells of many numbers at once which are open. (A folder like /dev/fd cannot be read in a child.)
void cobatch_close_from(int first) {
  enum { at_once = 1024, most = 65536 };
  struct rlimit limit;
  const int end = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < most ? (int)limit.rlim_cur : most;
  struct pollfd asked[at_once];
  for (int fd = first; fd < end; fd += at_once) {
    const int count = end - fd < at_once ? end - fd : at_once;
    for (int i = 0; i < count; ++i) asked[i] = (struct pollfd){fd + i, 0, 0};
    if (poll(asked, (nfds_t)count, 0) < 0) continue;
    for (int i = 0; i < count; ++i)
      if ((asked[i].revents & POLLNVAL) == 0) close(asked[i].fd);
  }
}

pid_t cobatch_fork_again(void) { return fork(); }
