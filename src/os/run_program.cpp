// The program is not the host's child but a child of a child of it, the waiter: so its exit code is ours whatever the host
// does about SIGCHLD, and its end is sure when the host dies. Both are in a process session of their own.
#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <new>
#include <signal.h>
#include <string_view>
#include <sys/select.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include "os/files.hpp"
#include "os/process.hpp"
#include "os/programs.hpp"
#include "os/spawn.hpp"
#include "os/system.h"
#include "os/watch.hpp"

namespace cobatch {

namespace fs = std::filesystem;

namespace {

using clock = std::chrono::steady_clock;

// ------------------------------------------------------------------------------ in the children, after the fork

// The descriptors of the waiter. The program has the first three.
constexpr int report_fd = 3;
constexpr int host_fd = 4;  // a pipe whose other end only the host has
constexpr std::size_t fd_count = 5;

// What the waiter says, once; of two, the first counts.
struct report {
  enum class kind : int { exited, signalled, not_forked, no_folder, not_executed };
  kind what;
  int number;  // exit code, signal or errno
};

void tell(int fd, report::kind what, int number) noexcept {
  const report said{what, number};
  while (::write(fd, &said, sizeof said) < 0 && errno == EINTR) continue;
}

[[noreturn]] void become_program(const child_program& program, pid_t waiter) noexcept {
  ::cobatch_die_with_parent();
  if (::getppid() != waiter) ::_exit(127);  // it died before its death could be signalled
  if (!program.enter_folder()) {
    tell(report_fd, report::kind::no_folder, errno);
  } else {
    program.exec();
    tell(report_fd, report::kind::not_executed, errno);
  }
  ::_exit(127);
}

void ignore_signal(int) {}

// Until a child ends or the host dies, which ends everything here; should somebody hold a copy of the host's end of the
// pipe, getppid tells.
void wait_for_child_or_host(pid_t host) noexcept {
  fd_set polled;
  FD_ZERO(&polled);
  FD_SET(host_fd, &polled);
  const timespec tick{1, 0};
  sigset_t all_but_sigchld;
  ::sigfillset(&all_but_sigchld);
  ::sigdelset(&all_but_sigchld, SIGCHLD);
  const int ready = ::pselect(host_fd + 1, &polled, nullptr, nullptr, &tick, &all_but_sigchld);
  if (ready > 0 || ::getppid() != host) ::kill(0, SIGKILL);
}

// The host's child. It stays until it is killed, so that its pid, which names the process session, is nobody else's.
// All signals are blocked: the program may send one to its whole group.
void wait_for_program(const child_program& command, std::array<int, fd_count> sources, pid_t host) noexcept {
  ::setsid();
  ::signal(SIGCHLD, ignore_signal);
  if (!put_in_place(sources)) {
    tell(sources[report_fd], report::kind::not_forked, errno);
    return;
  }
  // It never execs, so close-on-exec does nothing for it: it would hold the host's locks and pipes.
  ::cobatch_close_from(host_fd + 1);
  for (const int fd : {report_fd, host_fd}) set_close_on_exec(fd);
  const pid_t self = ::getpid();
  const pid_t program = ::cobatch_fork_again();
  if (program == 0) become_program(command, self);
  if (program < 0) tell(report_fd, report::kind::not_forked, errno);
  for (bool running = program > 0;; wait_for_child_or_host(host)) {
    int status = 0;
    if (!running || ::waitpid(program, &status, WNOHANG) != program) continue;
    running = false;
    if (WIFEXITED(status))
      tell(report_fd, report::kind::exited, WEXITSTATUS(status));
    else
      tell(report_fd, report::kind::signalled, WTERMSIG(status));
  }
}

// ------------------------------------------------------------------------------------------------- in the host

constexpr std::size_t block_size = 64 * 1024;
// What a pipe can hold at most, in blocks: when the program has ended no more than that is waited for.
constexpr int blocks_in_pipe = 16;
// How long the rest of a killed process group may take to be gone, and how often it is looked for.
constexpr std::chrono::seconds group_patience{10};
constexpr std::chrono::milliseconds group_tick{1};

result<fs::path> locate(const program_call& call) {
  if (call.argv.empty() || call.argv.front().empty())
    return fail(errc::agent_missing, "no program was given; nothing was started");
  const std::string& name = call.argv.front();
  const bool from_folder = name.find('/') != std::string::npos && fs::path(name).is_relative();
  return find_program(from_folder ? (call.working_directory / name).string() : name);
}

error start_error(const program_call& call, const report& why) {
  if (why.what != report::kind::no_folder) return exec_error(call.argv.front(), why.number, errc::io_error);
  return {errc::io_error, "could not start " + call.argv.front() + " in " + call.working_directory.string() + ": " +
                              std::generic_category().message(why.number) +
                              "; nothing was started. Make the folder, or name another"};
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
  private_fd lifeline_;  // tells the waiter that we live
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
  auto lifeline = make_pipe();
  for (const auto* made : {&output, &errors, &said, &lifeline})
    if (!*made) return fail(made->error());
  const unique_fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!nothing.open()) return fail(system_error(errno, "open", "/dev/null"));

  lifeline_ = private_fd(std::move(lifeline->write));
  const child_program command(*program, call_.argv, call_.environment, call_.working_directory);
  const std::array<int, fd_count> sources{nothing.get(), (call_.output_as_errors ? errors : output)->write.get(),
                                          errors->write.get(), said->write.get(), lifeline->read.get()};
  waiter_ = fork_child([&, host = ::getpid()]() noexcept { wait_for_program(command, sources, host); });
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
  // Where processes cannot be looked up: the group, whose number is taken as long as the waiter is.
  if (!ended) ::kill(-waiter_, SIGKILL);
  if (!ended) ::kill(waiter_, SIGKILL);
  // A host that takes every child's end, or ignores SIGCHLD, has left nothing to take: ECHILD.
  while (::waitpid(waiter_, nullptr, 0) < 0 && errno == EINTR) continue;
  const auto deadline = clock::now() + group_patience;
  while (!ended && ::kill(-waiter_, 0) == 0 && clock::now() < deadline) std::this_thread::sleep_for(group_tick);
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

result<program_end> run_program(const program_call& call) { return running_program(call).run(); }

}  // namespace cobatch
