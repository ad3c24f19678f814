#include "os/keeper.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <poll.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "os/files.hpp"
#include "os/keeper_protocol.h"
#include "os/process.hpp"
#include "os/programs.hpp"
#include "os/spawn.hpp"
#include "os/watch.hpp"

namespace cobatch {

namespace fs = std::filesystem;

namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// The keeper answers at once. Should it hang (a stopped process, a machine out of memory), nothing waits longer.
constexpr milliseconds answer_patience{30'000};
// The same for its end, above the times it was given.
constexpr milliseconds end_patience{15'000};

result<unique_fd> open_output(const fs::path& path) {
  unique_fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.open()) return fail(system_error(errno, "make", path));
  return fd;
}

error not_a_keeper(const fs::path& program) {
  return {errc::keeper_missing, program.string() +
                                    " is not this version's cobatch-keeper; nothing was started. Install Cobatch "
                                    "anew, or correct COBATCH_KEEPER"};
}

// `report` is a line that begins with X.
error start_error(const keeper_start& how, const std::string& report) {
  char* what = nullptr;
  const int why = static_cast<int>(std::strtol(report.c_str() + 2, &what, 10));
  const std::string reason = std::generic_category().message(why);
  if (std::strcmp(what, " keeper") == 0)
    return {errc::keeper_missing,
            "could not run the keeper: " + reason + "; nothing was started. Install Cobatch anew"};
  if (std::strcmp(what, " chdir") == 0)
    return {errc::agent_failed, "could not start the agent in " + how.working_directory.string() + ": " + reason +
                                    "; nothing was started. Make the folder, or name another"};
  return exec_error(how.argv.front(), why, errc::agent_failed);
}

// ---- In the child that will be the keeper

// Waits for the byte that says "you are recorded". The end of file says that the parent is dead or gave up; should
// somebody hold a copy of the other end, getppid tells.
bool wait_at_gate(int gate, pid_t parent) noexcept {
  for (;;) {
    pollfd polled{gate, POLLIN, 0};
    if (::poll(&polled, 1, 1000) > 0) {
      char byte;
      const ssize_t n = ::read(gate, &byte, 1);
      if (n >= 0 || errno != EINTR) return n == 1;
    }
    if (::getppid() != parent) return false;
  }
}

void become_keeper(const child_program& program, std::array<int, COBATCH_KEEPER_FDS> sources) noexcept {
  const int status = ::fcntl(sources[COBATCH_STATUS_FD], F_DUPFD_CLOEXEC, first_free_fd);
  if (put_in_place(sources)) program.exec();
  char line[] = "X 000 keeper\n";
  int why = errno;
  for (int at = 4; at >= 2; --at, why /= 10) line[at] = static_cast<char>('0' + why % 10);
  while (::write(status, line, sizeof line - 1) < 0 && errno == EINTR) continue;
}

}  // namespace

keeper::keeper(keeper&&) noexcept = default;

keeper& keeper::operator=(keeper&& other) noexcept {
  if (this == &other) return *this;
  if (status_.open()) finish(milliseconds{0});
  std::destroy_at(this);
  return *std::construct_at(this, std::move(other));
}

keeper::~keeper() {
  if (!status_.open()) return;
  grace_ = milliseconds{0};
  finish(milliseconds{0});
}

result<keeper> keeper::start(const keeper_start& how) {
  if (how.argv.empty()) return fail(errc::agent_missing, "no agent program was given; nothing was started");
  const auto keeper_program = how.keeper.empty() ? find_keeper() : result<fs::path>(how.keeper);
  keeper made;
  made.grace_ = how.grace;
  auto gate = made.spawn(how, keeper_program);
  if (!gate) return fail(gate.error());
  auto launched = made.launch(how, gate->get());
  gate->reset();
  if (launched) return made;
  made.control_.reset();  // the keeper ends what it has, and itself
  const auto ended = made.wait_until_gone(milliseconds{0});
  // One that was not killed would have said why it ends.
  if (!made.agent_.known() && launched.error().code == errc::agent_failed && ended && WIFEXITED(*ended))
    return fail(not_a_keeper(*keeper_program));
  return fail(launched.error());
}

// A child that will be the keeper once there is a byte in the pipe whose end is the answer; if that is closed, it ends.
result<unique_fd> keeper::spawn(const keeper_start& how, const result<fs::path>& keeper_program) {
  const auto agent = find_program(how.argv.front());
  if (!agent) return fail(agent.error());
  if (!keeper_program) return fail(keeper_program.error());
  std::error_code no_current_folder;
  const fs::path stem = fs::absolute(how.folder, no_current_folder) / std::to_string(how.number);
  const fs::path agent_folder =
      fs::absolute(how.working_directory.empty() ? "." : how.working_directory, no_current_folder);
  if (no_current_folder) return fail(system_error(no_current_folder.value(), "find", "the current folder"));
  output_ = stem.string() + ".out";
  errors_ = stem.string() + ".err";
  const auto output = open_output(output_);
  if (!output) return fail(output.error());
  const auto errors = open_output(errors_);
  if (!errors) return fail(errors.error());
  auto gate = make_pipe();
  auto control = make_pipe();
  auto status = make_pipe();
  auto input = make_pipe();
  for (const auto* made : {&gate, &control, &status, &input})
    if (!*made) return fail(made->error());
  const unique_fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!nothing.open()) return fail(system_error(errno, "open", "/dev/null"));

  const int none = nothing.get();
  const std::array<int, COBATCH_KEEPER_FDS> sources{none,
                                                    none,
                                                    none,
                                                    how.guard,
                                                    control->read.get(),
                                                    status->write.get(),
                                                    input->read.get(),
                                                    output->get(),
                                                    errors->get(),
                                                    input->write.get()};
  std::vector<std::string> argv{"cobatch-keeper",
                                COBATCH_KEEPER_VERSION,
                                std::to_string(::getpid()),
                                std::to_string(how.grace.count()),
                                std::to_string(how.number),
                                stem.parent_path().string(),
                                agent_folder.string(),
                                how.turn_end,
                                agent->string()};
  argv.insert(argv.end(), how.argv.begin(), how.argv.end());
  const child_program program(*keeper_program, std::move(argv), how.environment);
  const pid_t pid = fork_child([&, parent = ::getpid()]() noexcept {
    ::close(gate->write.get());
    if (wait_at_gate(gate->read.get(), parent)) become_keeper(program, sources);
  });
  if (pid < 0) return fail(system_error(errno, "fork for", *keeper_program));
  control_ = private_fd(std::move(control->write));
  status_ = private_fd(std::move(status->read));
  input_ = private_fd(std::move(input->write));
  set_nonblocking(status_.get());
  set_nonblocking(input_.get());
  keeper_ = identity_of_process(pid);
  return std::move(gate->write);
}

// From a keeper that waits at its gate to an agent that runs: each is recorded before it may go on.
result<void> keeper::launch(const keeper_start& how, int gate) {
  if (how.record)
    if (auto recorded = how.record(keeper_, agent_); !recorded) return recorded;
  if (write_quietly(gate, std::string_view("", 1)) != 1)
    return fail(errc::agent_failed, "the keeper ended before it could start the agent; nothing was started. Try again");
  const auto forked = await_line('A', how);
  if (!forked) return fail(forked.error());
  agent_ = identity_of_process(std::atoll(forked->c_str() + 2));
  if (how.record)
    if (auto recorded = how.record(keeper_, agent_); !recorded) return recorded;
  if (auto let_go = command("G"); !let_go) return let_go;
  const auto running = await_line('R', how);
  if (!running) return fail(running.error());
  return {};
}

// The next whole line of what the keeper says; does not wait.
std::optional<std::string> keeper::take_line() {
  std::array<char, 512> bytes;
  while (!status_at_end_ && status_.open()) {
    const ssize_t n = ::read(status_.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) break;
    if (n == 0) status_at_end_ = true;
    status_lines_.append(bytes.data(), static_cast<std::size_t>(n));
  }
  const auto end = status_lines_.find('\n');
  if (end == std::string::npos) return std::nullopt;
  std::string line = status_lines_.substr(0, end);
  status_lines_.erase(0, end + 1);
  return line;
}

result<std::string> keeper::await_line(char kind, const keeper_start& how) {
  const auto deadline = clock::now() + answer_patience;
  for (;;) {
    if (auto line = take_line()) {
      if (line->front() == kind) return std::move(*line);
      if (line->front() == 'X') return fail(start_error(how, *line));
      continue;
    }
    if (status_at_end_)
      return fail(errc::agent_failed,
                  "the keeper ended while it started the agent; nothing was left running. Try again");
    if (!wait_readable({status_.get()}, deadline))
      return fail(errc::agent_failed, "the keeper did not answer in time; nothing was left running. Try again");
  }
}

result<void> keeper::command(std::string_view line) {
  const std::string bytes = std::string(line) + "\n";
  while (control_.open()) {
    // Short enough to be taken whole.
    if (write_quietly(control_.get(), bytes) >= 0) return {};
    if (errno != EINTR) break;
  }
  return fail(errc::agent_failed, "the agent's keeper is gone, and the agent with it");
}

void keeper::close_input() {
  input_.reset();
  // A keeper that is gone holds nothing.
  static_cast<void>(command("C"));
}

result<void> keeper::turn_begins(milliseconds limit) { return command("T " + std::to_string(limit.count())); }
result<void> keeper::turn_ended() { return command("I"); }

result<void> keeper::send(std::string_view bytes, clock::time_point deadline, int also) {
  const auto closed = [] { return fail(errc::agent_failed, "the agent has ended, or reads no more"); };
  while (!bytes.empty()) {
    if (!input_.open() || ended()) return closed();
    const ssize_t n = write_quietly(input_.get(), bytes);
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EPIPE) return closed();
    if (errno != EAGAIN) return fail(system_error(errno, "write to", "the agent's input"));
    std::array<pollfd, 3> polled{{{input_.get(), POLLOUT, 0}, {status_.get(), POLLIN, 0}, {also, POLLIN, 0}}};
    if (!wait_ready(polled, deadline)) return fail(errc::timed_out, "the agent did not take its input in time");
    if (polled[2].revents != 0) return fail(errc::interrupted, "sending to the agent was interrupted");
  }
  return {};
}

std::optional<keeper::ending> keeper::ended() {
  while (!ending_) {
    const auto line = take_line();
    if (!line) break;
    int number = 0;
    if (std::sscanf(line->c_str(), "E exit %d", &number) == 1)
      ending_ = ending{.exit_code = number};
    else if (std::sscanf(line->c_str(), "E signal %d", &number) == 1)
      ending_ = ending{.signal = number};
  }
  if (!ending_ && status_at_end_) {
    // The kernel has killed the agent with its keeper; what it had started may live.
    end_process_session(agent_, milliseconds{0});
    ending_ = ending{.keeper_lost = true};
  }
  return ending_;
}

bool keeper::wait_for_end(clock::time_point deadline) {
  while (!ended())
    if (!wait_readable({status_.get()}, deadline)) return ended().has_value();
  return true;
}

keeper::ending keeper::finish(milliseconds patience) {
  if (!status_.open()) return ending_.value_or(ending{.keeper_lost = true});
  close_input();
  milliseconds allowed{0};
  if (!wait_for_end(clock::now() + patience)) {
    // If the keeper is gone this is known by its status.
    static_cast<void>(command("Q " + std::to_string(grace_.count())));
    allowed = grace_;
  }
  wait_until_gone(allowed);
  static_cast<void>(ended());
  return ending_.value_or(ending{.keeper_lost = true});
}

// Until the keeper has gone, and with it all that it looked after; if it hangs it is killed, and what it had with it.
std::optional<int> keeper::wait_until_gone(milliseconds allowed) {
  const auto deadline = clock::now() + allowed + end_patience;
  std::string kept;
  for (;;) {
    while (auto line = take_line()) kept += *line + "\n";
    if (status_at_end_ || !wait_readable({status_.get()}, deadline)) break;
  }
  status_lines_ = kept + status_lines_;
  if (!status_at_end_) {
    end_process_session(keeper_, milliseconds{0});
    if (agent_.known()) end_process_session(agent_, milliseconds{0});
    status_at_end_ = true;
  }
  // A host that takes every child's end, or ignores SIGCHLD, has left nothing to take: ECHILD.
  int status = 0;
  pid_t waited = 0;
  while ((waited = ::waitpid(static_cast<pid_t>(keeper_.pid), &status, 0)) < 0 && errno == EINTR) continue;
  input_.reset();
  control_.reset();
  status_.reset();
  return waited > 0 ? std::optional(status) : std::nullopt;
}

result<void> check_keeper(const fs::path& program) {
  constexpr std::chrono::seconds patience{10};
  program_call call;
  call.argv = {program.string(), "--version"};
  call.deadline = clock::now() + patience;
  const auto ran = run_program(call);
  if (!ran) return fail(errc::keeper_missing, ran.error().message);
  if (ran->output == "cobatch-keeper " COBATCH_KEEPER_VERSION "\n") return {};
  return fail(not_a_keeper(program));
}

}  // namespace cobatch
