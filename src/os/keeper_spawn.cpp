#include "os/keeper_spawn.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "os/exec_child.hpp"
#include "os/files.hpp"
#include "os/pipe.hpp"

namespace cobatch {

namespace {

// Descriptors 0 to 9 of the keeper, as its head comment has them.
constexpr std::size_t inherited_fds = 10;
constexpr int status_fd = 5;

// All that the child needs, made before the fork.
struct child_plan {
  std::array<int, inherited_fds> sources;  // -1: closed in the keeper
  int gate_read, gate_write;
  pid_t parent;
  const char* program;
  char* const* argv;
  char* const* environment;
};

// Waits for the byte that says "you are recorded". The end of file says that the parent is dead or gave up; should
// somebody hold a copy of the other end, getppid tells.
bool wait_at_gate(const child_plan& plan) noexcept {
  for (;;) {
    pollfd gate{plan.gate_read, POLLIN, 0};
    const int ready = ::poll(&gate, 1, 1000);
    if (ready > 0) {
      char byte;
      const ssize_t n = ::read(plan.gate_read, &byte, 1);
      if (n >= 0 || errno != EINTR) return n == 1;
    }
    if (::getppid() != plan.parent) return false;
  }
}

void write_exec_failure(int status, int why) noexcept {
  char line[] = "X 000 keeper\n";
  for (int at = 4; at >= 2; --at, why /= 10) line[at] = static_cast<char>('0' + why % 10);
  while (::write(status, line, sizeof line - 1) < 0 && errno == EINTR) continue;
}

[[noreturn]] void run_child(child_plan& plan) noexcept {
  ::close(plan.gate_write);
  if (!wait_at_gate(plan)) ::_exit(127);
  const int status = ::fcntl(plan.sources[status_fd], F_DUPFD_CLOEXEC, first_free_fd);
  if (!put_in_place(plan.sources)) {
    write_exec_failure(status, errno);
    ::_exit(127);
  }
  exec_with_default_signals(plan.program, plan.argv, plan.environment);
  write_exec_failure(status, errno);
  ::_exit(127);
}

}  // namespace

result<spawned_keeper> spawn_keeper(keeper_command command) {
  auto gate = make_pipe();
  auto control = make_pipe();
  auto status = make_pipe();
  auto input = make_pipe();
  for (const auto* made : {&gate, &control, &status, &input})
    if (!*made) return fail(made->error());
  const unique_fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!nothing.open()) return fail(system_error(errno, "open", "/dev/null"));

  child_plan plan{};
  plan.sources = {nothing.get(),        nothing.get(),       nothing.get(),     command.guard,
                  control->read.get(),  status->write.get(), input->read.get(), command.output.get(),
                  command.errors.get(), input->write.get()};
  const std::string program = command.program.string();
  const auto argv = pointers_to(command.argv);
  const auto environment = pointers_to(command.environment);
  plan.gate_read = gate->read.get();
  plan.gate_write = gate->write.get();
  plan.parent = ::getpid();
  plan.program = program.c_str();
  plan.argv = argv.data();
  plan.environment = environment.data();

  spawned_keeper made;
  made.pid = fork_with_signals_blocked();
  if (made.pid == 0) run_child(plan);
  if (made.pid < 0) return fail(system_error(errno, "fork for", command.program));
  made.gate = std::move(gate->write);
  made.control = private_fd(std::move(control->write));
  made.status = private_fd(std::move(status->read));
  made.input = private_fd(std::move(input->write));
  set_nonblocking(made.status.get());
  set_nonblocking(made.input.get());
  return made;
}

}  // namespace cobatch
