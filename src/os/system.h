// What one kernel offers and another does not: all that POSIX leaves open, for the library and for the keeper.
//
// There are two implementations: system_linux.c, and system_posix.c for every other system (and for Linux with
// COBATCH_PORTABLE), where most of it is not to be had. Callers do without what is missing, and need not ask which
// system it is. Functions say what failed in errno. Those marked "in a child" are safe between fork and exec.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- Files

struct cobatch_file {
  mode_t mode;
  uint64_t device, inode, links;
  int64_t size;
  int64_t modified_ns, changed_ns;  ///< nanoseconds since 1970: of the content; of anything
  int64_t birth_ns;                 ///< 0: nobody tells. Tells two files apart that had one inode number
  int64_t mount;                    ///< two mounts of one file system differ where the kernel can tell
};

/// Of the file that `fd` is open on; with a path, of what has that name (a link is not followed) and `fd` is not used.
/// 0, or -1.
int cobatch_look_at_file(int fd, const char* path, struct cobatch_file* out);

/// rename, but never over another file. 0, or -1; ENOSYS or EINVAL: there is no such thing.
int cobatch_rename_to_free_name(const char* from, const char* to);

/// A descriptor that is readable when the file has been written to, renamed or removed; to be read until it is empty.
/// -1: there is no such thing.
int cobatch_watch_file(const char* path);

// ---- Processes

/// A name for the running kernel, with its end; empty if there is none.
void cobatch_boot_id(char* out, size_t room);
int64_t cobatch_pid_namespace(void);  ///< 0: none

struct cobatch_process {
  enum { COBATCH_PROCESS_FOUND, COBATCH_PROCESS_GONE, COBATCH_PROCESS_UNREADABLE } answer;
  pid_t pid, parent;
  pid_t session;       ///< leader of its process session
  int64_t start_time;  ///< in the kernel's unit, since boot
  bool ended;          ///< a zombie without other threads
};
void cobatch_look_up_process(pid_t pid, struct cobatch_process* out);

/// The pids of all processes, to be freed; null pointer if they are not told.
pid_t* cobatch_all_pids(size_t* count);

/// A descriptor that is readable when the process has ended; -1: there is no such thing. Whether it is the process one
/// means is to be checked after opening.
int cobatch_watch_death(pid_t pid);

/// Sends a signal to the process that `watch` was opened for; by its pid if that is -1.
void cobatch_send_signal(int watch, pid_t pid, int signal_number);

// ---- This process

/// pipe, with ends that are close-on-exec; from the start where that can be had. 0, or -1.
int cobatch_pipe(int ends[2]);

/// The file of the running program: its length, without an end; -1: nobody tells.
ssize_t cobatch_program_path(char* out, size_t room);

/// Whatever a descendant of this process does, it stays below it: when waitpid says that no child is left, nothing is
/// left. False: there is no such thing.
bool cobatch_adopt_orphans(void);

/// In a child. The kernel will kill this process when its parent dies, or the thread that made it. False: it will not.
bool cobatch_die_with_parent(void);

/// In a child. Closes all descriptors from `first` on.
void cobatch_close_from(int first);

/// In a child. fork, if possible without the fork handlers of the process with threads that this one is a copy of.
pid_t cobatch_fork_again(void);

#ifdef __cplusplus
}
#endif
