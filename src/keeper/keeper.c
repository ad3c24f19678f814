// cobatch-keeper: starts one agent, holds the guard with the orchestrator, and outlives it if it dies.
//
// How it is called, and what it and the orchestrator say to each other, is in os/keeper_protocol.h.
//
// Single-threaded, and everything is an event: a line, an end of file, SIGCHLD (through a pipe), a deadline. The agent
// gets a process session of its own, none of the descriptors above 2, and SIGKILL when the keeper dies. The keeper is
// subreaper, so whatever a descendant of the agent does, it stays below the keeper: when waitpid says that there is no
// child left, nothing is left.
//
// Where the kernel neither kills a child when its parent dies nor hands orphans over, what can be reached is the agent's
// process group, and a process of its own, the leash, kills it if the keeper dies. The leash also holds the guard and
// the status pipe: both are let go when nothing is left of the group.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "os/keeper_protocol.h"
#include "os/system.h"

extern char** environ;

// An orchestrator that died between two turns gives its agent this long to end at the end of its input.
static const int64_t idle_patience_ms = 2000;
// What an agent left behind has this long between SIGTERM and SIGKILL, or the grace if that is shorter.
static const int64_t leftover_grace_ms = 1000;
// While killing: look again this often, for processes that were forked during the last look.
static const int64_t kill_tick_ms = 20;
// While waiting for what an agent left behind to end, where the kernel does not tell: look this often.
static const int64_t leftover_tick_ms = 5;
// A process group is not told from one of zombies that their new parent has still to take. This long after SIGKILL it is.
static const int64_t zombie_patience_ms = 200;
// Where the parent's death cannot be watched: look this often.
static const int64_t parent_tick_ms = 500;
// Of an orphan's output: look for the end of the turn this often.
static const int64_t turn_end_tick_ms = 100;

static const int64_t never = INT64_MAX;

static struct {
  pid_t parent;
  int64_t grace_ms;
  const char* number;
  int folder;  // of the exit file
  const char* working_directory;
  const char* turn_end;
  const char* program;
  char** argv;
} how;

static struct {
  pid_t agent;
  bool adopts;     // is subreaper
  int go;          // write end; a byte lets the agent exec, the end of file says that the keeper is dead
  bool let_go;     // the byte was sent
  int exec_error;  // read end; end of file: executed
  int parent_watch;
  int child_ended;  // read end of the SIGCHLD pipe
  bool orphaned;
  bool executed;
  bool agent_ended;
  bool asked_to_end;         // SIGTERM was sent
  bool clearing;             // what the agent left behind is being ended
  bool holds_input;          // COBATCH_HELD_FD is open
  int output;                // to look for the turn's end in; -1: not looked for
  off_t turn_began;          // where in the output
  int64_t turn_deadline;     // `never`: no turn runs
  int64_t term_at, kill_at;  // `never`: not planned
  int64_t gone_at;           // when what was killed is gone at the latest
} now_;

static int sigchld_pipe_write = -1;

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t later(int64_t ms) { return ms < never - now_ms() ? now_ms() + ms : never; }

static int64_t sooner(int64_t a, int64_t b) { return a < b ? a : b; }

// Short lines go into a pipe whole or, if nobody reads any more, not at all.
static void tell(const char* line) {
  while (write(COBATCH_STATUS_FD, line, strlen(line)) < 0 && errno == EINTR) continue;
}

static void on_sigchld(int signal_number) {
  (void)signal_number;
  const int saved = errno;
  while (write(sigchld_pipe_write, "", 1) < 0 && errno == EINTR) continue;
  errno = saved;
}

static void end_input(void) {
  if (now_.holds_input) close(COBATCH_HELD_FD);
  now_.holds_input = false;
}

// ---- What descends from the agent

struct row {
  struct cobatch_process process;
  bool ours;
};

static int by_pid(const void* a, const void* b) {
  const pid_t left = ((const struct row*)a)->process.pid, right = ((const struct row*)b)->process.pid;
  return (left > right) - (left < right);
}

// Thanks to the subreaper all that the agent's processes ever forked hangs below the keeper. `all` is sorted by pid.
static void mark_descendants(struct row* all, size_t count) {
  const pid_t keeper = getpid();
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < count; ++i) {
      if (all[i].ours) continue;
      const struct row wanted = {.process = {.pid = all[i].process.parent}};
      const struct row* const parent = bsearch(&wanted, all, count, sizeof wanted, by_pid);
      if (all[i].process.parent == keeper || (parent != NULL && parent->ours)) all[i].ours = changed = true;
    }
  }
}

// A grandchild may end and its pid be another's before the signal: so it goes through a descriptor, opened before the
// process was looked at again. Our own children keep their pids until we reap them.
static void signal_one(const struct cobatch_process* process, int signal_number) {
  const int watch = cobatch_watch_death(process->pid);
  struct cobatch_process again;
  cobatch_look_up_process(process->pid, &again);
  if (again.answer == COBATCH_PROCESS_FOUND && again.start_time == process->start_time)
    cobatch_send_signal(watch, process->pid, signal_number);
  if (watch >= 0) close(watch);
}

// Where processes are not told the agent's process group is all that can be reached.
static void signal_descendants(int signal_number) {
  size_t count = 0, found = 0;
  pid_t* const pids = cobatch_all_pids(&count);
  struct row* const all = calloc(count + 1, sizeof *all);
  for (size_t i = 0; all != NULL && i < count; ++i) {
    cobatch_look_up_process(pids[i], &all[found].process);
    if (all[found].process.answer == COBATCH_PROCESS_FOUND) ++found;
  }
  free(pids);
  if (found == 0) kill(-now_.agent, signal_number);
  if (all == NULL) return;
  qsort(all, found, sizeof *all, by_pid);
  mark_descendants(all, found);
  for (size_t i = 0; i < found; ++i)
    if (all[i].ours) signal_one(&all[i].process, signal_number);
  free(all);
}

// Asked when the keeper has no child left. For a subreaper that is answer enough.
static bool descendants_left(void) { return !now_.adopts && kill(-now_.agent, 0) == 0 && now_ms() < now_.gone_at; }

// ---- Starting

static bool parse_number(const char* text, int64_t* out) {
  char* end = NULL;
  errno = 0;
  const long long value = strtoll(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || value < 0) return false;
  *out = value;
  return true;
}

static bool read_arguments(int argc, char** argv) {
  int64_t parent = 0;
  if (argc < 10 || strcmp(argv[1], COBATCH_KEEPER_VERSION) != 0) return false;
  if (!parse_number(argv[2], &parent) || !parse_number(argv[3], &how.grace_ms)) return false;
  how.parent = (pid_t)parent;
  how.number = argv[4];
  how.folder = open(argv[5], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  how.working_directory = argv[6];
  how.turn_end = argv[7];
  how.program = argv[8];
  how.argv = argv + 9;
  return how.folder >= 0;
}

// The terminal's and the system's signals are the orchestrator's to answer; it tells us what to do.
static bool set_up_signals(void) {
  static const int ignored[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGTSTP, SIGTTIN, SIGTTOU};
  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; ++i) signal(ignored[i], SIG_IGN);
  int ends[2];
  if (cobatch_pipe(ends) != 0) return false;
  for (int i = 0; i < 2; ++i) fcntl(ends[i], F_SETFL, O_NONBLOCK);
  now_.child_ended = ends[0];
  sigchld_pipe_write = ends[1];
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_sigchld;
  action.sa_flags = SA_RESTART | SA_NOCLDSTOP;
  return sigaction(SIGCHLD, &action, NULL) == 0;
}

static void become_keeper(void) {
  setsid();
  now_.adopts = cobatch_adopt_orphans();
  // Not to keep a file system busy that the user wants to unmount.
  if (chdir("/") != 0) return;
}

static void reset_signals(void) {
  for (int s = 1; s < NSIG; ++s)
    if (s != SIGKILL && s != SIGSTOP) signal(s, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static void report_failed_exec(int fd, char what) {
  const int why = errno;
  unsigned char report[1 + sizeof why];
  report[0] = (unsigned char)what;
  memcpy(report + 1, &why, sizeof why);
  if (write(fd, report, sizeof report) < 0) _exit(126);
  _exit(127);
}

// The leash: waits for the keeper's death, which is the end of file of the pipe that had the byte to go, and kills what is
// left of the agent's process group. It is in the agent's session, so that the number is nobody else's, but in a group
// of its own; and a child of nobody, so that the agent has no child that it does not know.
static void hold_leash(pid_t group, int go) {
  setpgid(0, 0);
  dup2(go, COBATCH_CONTROL_FD);
  cobatch_close_from(COBATCH_STATUS_FD + 1);
  char byte;
  while (read(COBATCH_CONTROL_FD, &byte, 1) < 0 && errno == EINTR) continue;
  const struct timespec tick = {0, leftover_tick_ms * 1000000};
  const int64_t gone_at = later(zombie_patience_ms);
  while (kill(-group, SIGKILL) == 0 && now_ms() < gone_at) nanosleep(&tick, NULL);
  _exit(0);
}

static bool put_on_leash(int go) {
  const pid_t agent = getpid(), between = fork();
  if (between == 0) {
    const pid_t leash = fork();
    if (leash == 0) hold_leash(agent, go);
    if (leash > 0) setpgid(leash, leash);  // it may not have run yet
    _exit(leash < 0);
  }
  int status = 1;
  while (between > 0 && waitpid(between, &status, 0) < 0 && errno == EINTR) continue;
  if (status != 0) errno = EAGAIN;
  return status == 0;
}

// In the agent's process, before it is the agent.
static void become_agent(pid_t keeper, int go, int exec_error) {
  end_input();
  setsid();
  char byte;
  ssize_t n;
  do n = read(go, &byte, 1);
  while (n < 0 && errno == EINTR);
  if (n != 1) _exit(127);
  if (!cobatch_die_with_parent() && !put_on_leash(go)) report_failed_exec(exec_error, 'e');
  if (getppid() != keeper) _exit(127);  // it died before its death could be signalled
  reset_signals();
  const int from[3] = {COBATCH_INPUT_FD, COBATCH_OUTPUT_FD, COBATCH_ERROR_FD};
  for (int fd = 0; fd < 3; ++fd) dup2(from[fd], fd);
  if (chdir(how.working_directory) != 0) report_failed_exec(exec_error, 'c');
  // All descriptors above 2 are close-on-exec, exec_error too: its end of file says that this has worked.
  execve(how.program, how.argv, environ);
  report_failed_exec(exec_error, 'e');
}

static bool fork_agent(void) {
  int go[2], exec_error[2];
  if (cobatch_pipe(go) != 0 || cobatch_pipe(exec_error) != 0) return false;
  const pid_t keeper = getpid();
  now_.agent = fork();
  if (now_.agent < 0) return false;
  if (now_.agent == 0) {
    close(go[1]);
    become_agent(keeper, go[0], exec_error[1]);
  }
  close(go[0]);
  close(exec_error[1]);
  for (int fd = COBATCH_INPUT_FD; fd <= COBATCH_ERROR_FD; ++fd) close(fd);
  now_.go = go[1];
  now_.exec_error = exec_error[0];
  char line[32];
  snprintf(line, sizeof line, "A %ld\n", (long)now_.agent);
  tell(line);
  return true;
}

static void ask_to_end(int64_t grace_ms) {
  if (grace_ms > 0 && !now_.asked_to_end) {
    now_.asked_to_end = true;
    signal_descendants(SIGTERM);
    signal_descendants(SIGCONT);  // one that is stopped could not obey
  }
  now_.term_at = never;
  now_.kill_at = sooner(now_.kill_at, later(grace_ms));
}

static int open_output(void) {
  char name[64];
  snprintf(name, sizeof name, "%s.out", how.number);
  return openat(how.folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

static off_t output_size(void) {
  struct stat about;
  const int fd = now_.holds_input ? open_output() : -1;
  const off_t size = fd >= 0 && fstat(fd, &about) == 0 ? about.st_size : 0;
  if (fd >= 0) close(fd);
  return size;
}

static bool holds(const char* bytes, size_t count, const char* wanted, size_t length) {
  for (size_t i = 0; i + length <= count; ++i)
    if (memcmp(bytes + i, wanted, length) == 0) return true;
  return false;
}

// An orphan's turn has ended: so may the agent. Parts are read so that they overlap, as the end may lie across two.
static void look_for_turn_end(void) {
  static char bytes[65536];
  const size_t length = strlen(how.turn_end);
  ssize_t n;
  while ((n = pread(now_.output, bytes, sizeof bytes, now_.turn_began)) >= (ssize_t)length) {
    if (holds(bytes, (size_t)n, how.turn_end, length)) {
      end_input();
      close(now_.output);
      now_.output = -1;
      now_.term_at = sooner(now_.term_at, later(idle_patience_ms));
      return;
    }
    now_.turn_began += n - (ssize_t)length + 1;
  }
}

static void on_orphaned(void) {
  if (now_.orphaned) return;
  now_.orphaned = true;
  if (now_.agent_ended) return;
  if (!now_.executed) {
    ask_to_end(0);
  } else if (!now_.asked_to_end) {
    const bool in_turn = now_.turn_deadline != never;
    now_.term_at = in_turn ? now_.turn_deadline : later(idle_patience_ms);
    if (in_turn && now_.holds_input) now_.output = open_output();
  }
  if (now_.output < 0) end_input();
}

static void obey(const char* line) {
  int64_t ms = 0;
  const bool has_number = line[0] != '\0' && line[1] == ' ' && parse_number(line + 2, &ms);
  if (line[0] == 'G' && !now_.let_go) {
    while (write(now_.go, "", 1) < 0 && errno == EINTR) continue;
    now_.let_go = true;
  } else if (line[0] == 'T' && has_number) {
    now_.turn_deadline = later(ms);
    now_.turn_began = output_size();
  } else if (line[0] == 'I') {
    now_.turn_deadline = never;
  } else if (line[0] == 'C') {
    end_input();
  } else if (line[0] == 'Q' && has_number && !now_.agent_ended) {
    ask_to_end(ms);
  }
}

static void read_control(void) {
  static char line[64];
  static size_t length = 0;
  char bytes[256];
  const ssize_t n = read(COBATCH_CONTROL_FD, bytes, sizeof bytes);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (n <= 0) {
    on_orphaned();
    return;
  }
  for (ssize_t i = 0; i < n; ++i) {
    if (bytes[i] != '\n') {
      if (length + 1 < sizeof line) line[length++] = bytes[i];
      continue;
    }
    line[length] = '\0';
    length = 0;
    obey(line);
  }
}

static void read_exec_error(void) {
  unsigned char report[1 + sizeof(int)];
  ssize_t n;
  do n = read(now_.exec_error, report, sizeof report);
  while (n < 0 && errno == EINTR);
  close(now_.exec_error);
  now_.exec_error = -1;
  if (n == (ssize_t)sizeof report) {
    int why;
    memcpy(&why, report + 1, sizeof why);
    char line[48];
    snprintf(line, sizeof line, "X %d %s\n", why, report[0] == 'c' ? "chdir" : "exec");
    tell(line);
  } else if (now_.let_go) {
    now_.executed = true;
    tell("R\n");
  }
}

// "<number>.exit", whole or not at all. If it cannot be written the status line still tells it.
static void write_exit_file(const char* text) {
  char name[64], temporary[72];
  snprintf(name, sizeof name, "%s.exit", how.number);
  snprintf(temporary, sizeof temporary, ".%s.tmp", name);
  const int fd = openat(how.folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return;
  const bool whole = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
  close(fd);
  if (!whole || renameat(how.folder, temporary, how.folder, name) != 0) unlinkat(how.folder, temporary, 0);
}

static void on_agent_end(int wait_status) {
  now_.agent_ended = true;
  char line[48];
  if (WIFSIGNALED(wait_status))
    snprintf(line, sizeof line, "E signal %d\n", WTERMSIG(wait_status));
  else
    snprintf(line, sizeof line, "E exit %d\n", WEXITSTATUS(wait_status));
  if (now_.executed) {
    write_exit_file(line + 2);
    tell(line);
  }
}

// The agent has ended and children are left, so they are what it left behind.
static void clear_leftovers(void) {
  if (!now_.agent_ended || now_.clearing) return;
  now_.clearing = true;
  now_.asked_to_end = false;
  ask_to_end(sooner(leftover_grace_ms, how.grace_ms));
}

// True when no child is left.
static bool reap(void) {
  char bytes[64];
  while (read(now_.child_ended, bytes, sizeof bytes) > 0) continue;
  for (;;) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid == 0 || (pid < 0 && errno == EINTR)) return false;
    if (pid < 0) return now_.agent_ended && !descendants_left();
    if (pid != now_.agent) continue;
    // Whether it was executed is told by the other pipe, which has reached its end by now.
    if (now_.exec_error >= 0) read_exec_error();
    on_agent_end(status);
  }
}

static void keep_deadlines(void) {
  const int64_t t = now_ms();
  if (t >= now_.term_at) ask_to_end(how.grace_ms);
  if (t >= now_.kill_at) {
    signal_descendants(SIGKILL);
    now_.kill_at = later(kill_tick_ms);
    now_.gone_at = sooner(now_.gone_at, later(zombie_patience_ms));
  }
  if (now_.parent_watch < 0 && getppid() != how.parent) on_orphaned();
  if (now_.output >= 0) look_for_turn_end();
}

static int time_to_next_deadline(void) {
  int64_t at = sooner(now_.term_at, now_.kill_at);
  if (now_.parent_watch < 0 && !now_.orphaned) at = sooner(at, later(parent_tick_ms));
  if (now_.output >= 0) at = sooner(at, later(turn_end_tick_ms));
  if (now_.clearing && !now_.adopts) at = sooner(at, later(leftover_tick_ms));
  if (at == never) return -1;
  const int64_t left = at - now_ms();
  return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

static void keep(void) {
  if (getppid() != how.parent) on_orphaned();
  while (!reap()) {
    clear_leftovers();
    struct pollfd polled[] = {
        {now_.child_ended, POLLIN, 0},
        {now_.exec_error, POLLIN, 0},
        {now_.orphaned ? -1 : COBATCH_CONTROL_FD, POLLIN, 0},
        {now_.orphaned ? -1 : now_.parent_watch, POLLIN, 0},
    };
    if (poll(polled, sizeof polled / sizeof *polled, time_to_next_deadline()) < 0 && errno != EINTR) return;
    if (polled[1].revents != 0 && now_.exec_error >= 0) read_exec_error();
    if (polled[2].revents != 0) read_control();
    if (polled[3].revents != 0) on_orphaned();
    keep_deadlines();
  }
}

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "--version") == 0) return puts("cobatch-keeper " COBATCH_KEEPER_VERSION) < 0;
  for (int fd = 3; fd < COBATCH_KEEPER_FDS; ++fd) fcntl(fd, F_SETFD, FD_CLOEXEC);
  cobatch_close_from(COBATCH_KEEPER_FDS);
  now_.exec_error = now_.output = -1;
  now_.turn_deadline = now_.term_at = now_.kill_at = now_.gone_at = never;
  if (!read_arguments(argc, argv)) {
    tell("X 22 exec\n");
    return 2;
  }
  now_.holds_input = true;
  if (how.turn_end[0] == '\0') end_input();
  become_keeper();
  // The control line's end of file tells of the parent's death too, unless somebody else got a copy of that end.
  now_.parent_watch = cobatch_watch_death(how.parent);
  if (!set_up_signals() || !fork_agent()) {
    char line[48];
    snprintf(line, sizeof line, "X %d exec\n", errno);
    tell(line);
    return 1;
  }
  keep();
  return 0;
}
