#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "os/system.h"

// What the headers of older systems do not name yet.
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000U
#define stx_mnt_id __spare2[0]
#endif

// ---- Files

static int64_t to_ns(const struct statx_timestamp* time) { return time->tv_sec * INT64_C(1000000000) + time->tv_nsec; }

int cobatch_look_at_file(int fd, const char* path, struct cobatch_file* out) {
  struct statx info;
  const unsigned wanted = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;
  const int failed = path == NULL ? statx(fd, "", AT_EMPTY_PATH, wanted, &info)
                                  : statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, wanted, &info);
  if (failed != 0) return -1;
  out->mode = info.stx_mode;
  out->device = makedev(info.stx_dev_major, info.stx_dev_minor);
  out->inode = info.stx_ino;
  out->links = info.stx_nlink;
  out->size = (int64_t)info.stx_size;
  out->modified_ns = to_ns(&info.stx_mtime);
  out->changed_ns = to_ns(&info.stx_ctime);
  out->birth_ns = (info.stx_mask & STATX_BTIME) != 0 ? to_ns(&info.stx_btime) : 0;
  // Since Linux 5.8; a bind mount of a single file shares device and inode with its origin, but not this.
  const bool has_mount = (info.stx_mask & STATX_MNT_ID) != 0;
  out->mount = has_mount ? (int64_t)info.stx_mnt_id : (int64_t)out->device;
  return 0;
}

int cobatch_rename_to_free_name(const char* from, const char* to) {
  return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
}

int cobatch_watch_file(const char* path) {
  const int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0) return -1;
  // A file that is removed or replaced is news too: its watcher must look at the path again.
  if (inotify_add_watch(fd, path, IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF) >= 0) return fd;
  close(fd);
  return -1;
}

// ---- Processes

// The start of a small file in /proc, with an end; its length, or -1.
static ssize_t read_proc(const char* path, char* out, size_t room) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t n;
  do n = read(fd, out, room - 1);
  while (n < 0 && errno == EINTR);
  close(fd);
  out[n > 0 ? n : 0] = '\0';
  return n;
}

void cobatch_boot_id(char* out, size_t room) {
  *out = '\0';
  read_proc("/proc/sys/kernel/random/boot_id", out, room);
  out[strcspn(out, "\n")] = '\0';
}

int64_t cobatch_pid_namespace(void) {
  struct stat info;
  return stat("/proc/self/ns/pid", &info) == 0 ? (int64_t)info.st_ino : 0;
}

// A /proc mounted for another pid namespace shows other processes under our numbers.
static bool proc_is_ours(void) {
  char target[32], self[32];
  const ssize_t n = readlink("/proc/self", target, sizeof target);
  const int length = snprintf(self, sizeof self, "%ld", (long)getpid());
  return n == length && memcmp(target, self, (size_t)n) == 0;
}

void cobatch_look_up_process(pid_t pid, struct cobatch_process* out) {
  memset(out, 0, sizeof *out);
  out->pid = pid;
  out->answer = COBATCH_PROCESS_GONE;
  if (pid <= 0) return;
  char path[48], line[2048];
  snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
  if (!proc_is_ours() || read_proc(path, line, sizeof line) <= 0) {
    // Where /proc hides other users' processes (hidepid), only kill tells whether there is one.
    if (kill(pid, 0) == 0 || errno == EPERM) out->answer = COBATCH_PROCESS_UNREADABLE;
    return;
  }
  out->answer = COBATCH_PROCESS_UNREADABLE;
  // The name, in brackets, may hold anything. Fields 3 (state), 4 (parent), 6 (session), 20 (threads) and 22 (start
  // time) of proc(5).
  const char* const rest = strrchr(line, ')');
  char state = '\0';
  long threads = 0;
  long long start_time = 0;
  const char* const fields = " %c %d %*d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld %*d %lld";
  if (rest == NULL || sscanf(rest + 1, fields, &state, &out->parent, &out->session, &threads, &start_time) != 5) return;
  out->answer = COBATCH_PROCESS_FOUND;
  out->start_time = start_time;
  // A leader that has ended while other threads go on is shown as a zombie too.
  out->ended = (state == 'Z' && threads <= 1) || state == 'X';
}

pid_t* cobatch_all_pids(size_t* count) {
  *count = 0;
  DIR* const folder = opendir("/proc");
  if (folder == NULL) return NULL;
  pid_t* pids = NULL;
  size_t room = 0;
  for (const struct dirent* entry; (entry = readdir(folder)) != NULL;) {
    char* end = NULL;
    const long pid = strtol(entry->d_name, &end, 10);
    if (pid <= 0 || *end != '\0') continue;
    if (*count == room) {
      room = room == 0 ? 256 : 2 * room;
      pid_t* const more = realloc(pids, room * sizeof *pids);
      if (more == NULL) break;
      pids = more;
    }
    pids[(*count)++] = (pid_t)pid;
  }
  closedir(folder);
  return pids;
}

int cobatch_watch_death(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0U); }

void cobatch_send_signal(int watch, pid_t pid, int signal_number) {
  if (watch >= 0)
    syscall(SYS_pidfd_send_signal, watch, signal_number, NULL, 0U);
  else
    kill(pid, signal_number);
}

// ---- This process

int cobatch_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

ssize_t cobatch_program_path(char* out, size_t room) { return readlink("/proc/self/exe", out, room); }

bool cobatch_adopt_orphans(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0; }

bool cobatch_die_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0; }

void cobatch_close_from(int first) {
  if (syscall(SYS_close_range, (unsigned)first, ~0U, 0U) == 0) return;
  struct rlimit limit;  // Linux before 5.9
  const rlim_t most = 65536;
  const rlim_t count = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < most ? limit.rlim_cur : most;
  for (int fd = first; fd < (int)count; ++fd) close(fd);
}

pid_t cobatch_fork_again(void) {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || (__GLIBC__ == 2 && __GLIBC_MINOR__ >= 34))
  return _Fork();
#else
  return fork();
#endif
}
