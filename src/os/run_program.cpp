#include "os/run_program.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <new>
#include <signal.h>
#include <string_view>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include "os/exec_child.hpp"
#include "os/files.hpp"
#include "os/pipe.hpp"
#include "os/process.hpp"
#include "os/watch.hpp"

namespace cobatch {

namespace fs = std::filesystem;

namespace {

using clock = std::chrono::steady_clock;

// ------------------------------------------------------------------------------ in the children, after the fork

// The descriptors of both children. The program has the first three.
constexpr int report_fd = 3;
constexpr std::size_t fd_count = 4;

// What the waiting child says, once; of two, the first counts.
struct report {
  enum class kind : int { exited, signalled, not_forked, no_folder, not_executed };
  kind what;
  int number;  // exit code, signal or errno
};

// All that the children need, made before the fork.
struct program_plan {
  std::array<int, fd_count> sources;
  int above_all_fds;
  pid_t host;
  const char* folder;  // null pointer: as it is
  const char* program;
  char* const* argv;
  char* const* environment;
};

void tell(int fd, report::kind what, int number) noexcept {
  const report said{what, number};
  while (::write(fd, &said, sizeof said) < 0 && errno == EINTR) continue;
}

// It never execs, so close-on-exec does nothing for it: it would hold the host's locks and pipes.
void close_all_others(int above_all_fds) noexcept {
#ifdef SYS_close_range
  if (::syscall(SYS_close_range, static_cast<unsigned>(report_fd + 1), ~0U, 0U) == 0) return;
#endif
  for (int fd = report_fd + 1; fd < above_all_fds; ++fd) ::close(fd);
}

// A second fork, after that of a process with threads: without the fork handlers of the host, where that can be had.
pid_t fork_again() noexcept {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || (__GLIBC__ == 2 && __GLIBC_MINOR__ >= 34))
  return ::_Fork();
#else
  return ::fork();
#endif
}

[[noreturn]] void become_program(const program_plan& plan, pid_t waiter) noexcept {
#ifdef __linux__
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
#endif
  if (::getppid() != waiter) ::_exit(127);  // it died before its death could be signalled
  if (plan.folder != nullptr && ::chdir(plan.folder) != 0) {
    tell(report_fd, report::kind::no_folder, errno);
  } else {
    exec_with_default_signals(plan.program, plan.argv, plan.environment);
    tell(report_fd, report::kind::not_executed, errno);
  }
  ::_exit(127);
}

pid_t host_of_waiter = 0;

// Not for any other signal of that number: the program may send one to its whole group.
void end_group_with_host(int) {
  if (::getppid() != host_of_waiter) ::kill(0, SIGKILL);
}

void watch_host([[maybe_unused]] pid_t host) noexcept {
#ifdef __linux__
  host_of_waiter = host;
  ::signal(SIGTERM, end_group_with_host);
  sigset_t watched;
  ::sigemptyset(&watched);
  ::sigaddset(&watched, SIGTERM);
  ::sigprocmask(SIG_UNBLOCK, &watched, nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
  end_group_with_host(SIGTERM);
#endif
}

// The host's child. It stays until it is killed, so that its pid, which names the process session, is nobody else's.
[[noreturn]] void wait_for_program(program_plan& plan) noexcept {
  ::setsid();
  ::signal(SIGCHLD, SIG_DFL);
  if (!put_in_place(plan.sources)) {
    tell(plan.sources.back(), report::kind::not_forked, errno);
    ::_exit(127);
  }
  close_all_others(plan.above_all_fds);
  ::fcntl(report_fd, F_SETFD, FD_CLOEXEC);
  const pid_t self = ::getpid();
  const pid_t program = fork_again();
  if (program == 0) become_program(plan, self);
  if (program < 0) tell(report_fd, report::kind::not_forked, errno);
  watch_host(plan.host);
  int status = 0;
  while (::waitpid(program, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFEXITED(status))
    tell(report_fd, report::kind::exited, WEXITSTATUS(status));
  else
    tell(report_fd, report::kind::signalled, WTERMSIG(status));
  for (;;) ::pause();
}

// ------------------------------------------------------------------------------------------------- in the host

constexpr std::size_t block_size = 64 * 1024;
// What a pipe can hold at most, in blocks: when the program has ended no more than that is waited for.
constexpr int blocks_in_pipe = 16;

result<fs::path> locate(const program_call& call) {
  if (call.argv.empty() || call.argv.front().empty())
    return fail(errc::agent_missing, "no program was given; nothing was started");
  const std::string& name = call.argv.front();
  const bool from_folder = name.find('/') != std::string::npos && fs::path(name).is_relative();
  return find_program(from_folder ? (call.working_directory / name).string() : name);
}

error start_error(const program_call& call, const report& why) {
  const std::string reason = std::generic_category().message(why.number);
  if (why.what == report::kind::no_folder)
    return {errc::io_error, "could not start " + call.argv.front() + " in " + call.working_directory.string() + ": " +
                                reason + "; nothing was started. Make the folder, or name another"};
  const bool missing = why.what == report::kind::not_executed && (why.number == ENOENT || why.number == ENOTDIR);
  return {missing ? errc::agent_missing : errc::io_error,
          "could not run " + call.argv.front() + ": " + reason + "; nothing was started." +
              (missing ? " If the file is there, the interpreter in its first line is not" : "")};
}

int above_all_fds() {
  constexpr long most = 65536;
  const long count = ::sysconf(_SC_OPEN_MAX);
  return static_cast<int>(count < 0 ? most : std::min(count, most));
}

class running_program {
 public:
  explicit running_program(const program_call& call) : call_(call) {}
  running_program(const running_program&) = delete;
  running_program& operator=(const running_program&) = delete;
  ~running_program() { end_all(); }  // if there was no memory to wait for it

  result<program_end> run();

 private:
  result<void> start();
  void await_end(int wake);
  void end_all() noexcept;
  bool take_report();
  void take_output();
  bool take_block(unique_fd& from, bool is_output);
  void keep_output(std::string_view bytes);
  void keep_errors(std::string_view bytes);

  const program_call& call_;
  std::vector<char> block_ = std::vector<char>(block_size);
  unique_fd output_, errors_, report_;
  pid_t waiter_ = -1;
  process_identity session_;
  std::optional<report> told_;
  program_end end_;
};

result<void> running_program::start() {
  auto program = locate(call_);
  if (!program) return fail(program.error());
  auto output = make_pipe();
  auto errors = make_pipe();
  auto said = make_pipe();
  for (const auto* made : {&output, &errors, &said})
    if (!*made) return fail(made->error());
  const unique_fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!nothing.open()) return fail(system_error(errno, "open", "/dev/null"));

  const std::string path = program->string();
  const std::string folder = call_.working_directory.string();
  auto argv_texts = call_.argv;
  auto environment_texts = call_.environment;
  const auto argv = pointers_to(argv_texts);
  const auto environment = pointers_to(environment_texts);
  program_plan plan{.sources = {nothing.get(), (call_.output_as_errors ? errors : output)->write.get(),
                                errors->write.get(), said->write.get()},
                    .above_all_fds = above_all_fds(),
                    .host = ::getpid(),
                    .folder = folder.empty() ? nullptr : folder.c_str(),
                    .program = path.c_str(),
                    .argv = argv.data(),
                    .environment = environment.data()};
  waiter_ = fork_with_signals_blocked();
  if (waiter_ == 0) wait_for_program(plan);
  if (waiter_ < 0) return fail(system_error(errno, "fork for", *program));
  session_ = identity_of_process(waiter_);
  output_ = std::move(output->read);
  errors_ = std::move(errors->read);
  report_ = std::move(said->read);
  for (const auto* fd : {&output_, &errors_, &report_}) set_nonblocking(fd->get());
  return {};
}

// True once it is known how the program ended.
bool running_program::take_report() {
  report said{};
  ssize_t n = 0;
  do n = ::read(report_.get(), &said, sizeof said);
  while (n < 0 && errno == EINTR);
  if (n < 0) return false;
  // Who waits for the program says nothing only if it was killed, as by a program that kills its process group; the
  // program was then killed too.
  told_ = n == sizeof said ? said : report{report::kind::signalled, SIGKILL};
  return true;
}

void running_program::keep_output(std::string_view bytes) {
  const std::size_t room = call_.output_limit - end_.output.size();
  end_.output_cut = end_.output_cut || bytes.size() > room;
  end_.output.append(bytes.substr(0, room));
}

void running_program::keep_errors(std::string_view bytes) {
  end_.errors.append(bytes);
  if (end_.errors.size() > call_.error_limit) end_.errors.erase(0, end_.errors.size() - call_.error_limit);
}

// False if there is nothing to take now.
bool running_program::take_block(unique_fd& from, bool is_output) {
  if (!from.open()) return false;
  const ssize_t n = ::read(from.get(), block_.data(), block_.size());
  if (n < 0) return errno == EINTR;
  if (n == 0) {
    from.reset();
    return false;
  }
  const std::string_view bytes(block_.data(), static_cast<std::size_t>(n));
  is_output ? keep_output(bytes) : keep_errors(bytes);
  return true;
}

void running_program::take_output() {
  for (int i = 0; i < blocks_in_pipe && take_block(output_, true); ++i) continue;
  for (int i = 0; i < blocks_in_pipe && take_block(errors_, false); ++i) continue;
}

void running_program::await_end(int wake) {
  while (!take_report()) {
    if (call_.stop.stop_requested()) {
      end_.stopped = true;
      return;
    }
    if (clock::now() >= call_.deadline) {
      end_.timed_out = true;
      return;
    }
    wait_readable({report_.get(), output_.get(), errors_.get(), wake}, call_.deadline);
    take_output();
  }
}

void running_program::end_all() noexcept {
  if (waiter_ < 0) return;
  bool ended = false;
  try {
    ended = session_.known() && end_process_session(session_, std::chrono::milliseconds{0});
  } catch (const std::bad_alloc&) {
  }
  // Where processes cannot be looked up, at least the one who waits, and the group of its number.
  if (!ended) {
    ::kill(-waiter_, SIGKILL);
    ::kill(waiter_, SIGKILL);
  }
  // A host that takes every child's end, or ignores SIGCHLD, has left nothing to take: ECHILD.
  while (::waitpid(waiter_, nullptr, 0) < 0 && errno == EINTR) continue;
  waiter_ = -1;
}

result<program_end> running_program::run() {
  if (call_.stop.stop_requested()) return program_end{.stopped = true};
  auto wake = wake_signal::make();
  if (!wake) return fail(wake.error());
  if (auto started = start(); !started) return fail(started.error());
  {
    const std::stop_callback on_stop(call_.stop, [&] { wake->notify(); });
    await_end(wake->descriptor());
  }
  end_all();
  take_output();
  if (!told_) return std::move(end_);
  if (told_->what == report::kind::exited)
    end_.exit_code = told_->number;
  else if (told_->what == report::kind::signalled)
    end_.signal = told_->number;
  else
    return fail(start_error(call_, *told_));
  return std::move(end_);
}

}  // namespace

result<program_end> run_program(const program_call& call) {
  return running_program(call).run();
}

}  // namespace cobatch
