// cobatch serve: HTTP and, unless another process is to run the tasks, the engine.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

#include <fmt/core.h>

#include "engine/engine.hpp"
#include "program/foreground.hpp"
#include "program/http_server.hpp"

namespace cobatch::program {

namespace {

// How many connections there may be. The soft limit on open files is raised towards the hard one, as far as `wanted`
// of them need it; some are kept for the store, and for the sessions that the engine beside the server runs.
result<std::size_t> connections_possible(std::size_t wanted) {
  constexpr std::size_t reserved = 128, fewest_connections = 32;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return fail(errc::io_error, fmt::format("could not read the limit on open files: {}", std::strerror(errno)));
  const rlim_t needed = wanted + reserved;
  if (limit.rlim_cur < needed) {
    limit.rlim_cur = std::min(needed, limit.rlim_max);
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
      return fail(errc::io_error, fmt::format("could not raise the limit on open files: {}", std::strerror(errno)));
  }
  if (limit.rlim_cur < reserved + fewest_connections)
    return fail(errc::io_error, fmt::format("The limit on open files is {}; a server needs {} at least. Raise it with "
                                            "`ulimit -n`, or LimitNOFILE= of a systemd unit.",
                                            limit.rlim_cur, reserved + fewest_connections));
  return std::min<std::size_t>(wanted, limit.rlim_cur - reserved);
}

std::string url_of(const std::string& bind, int port) {
  const bool usual = bind == "127.0.0.1" || bind == "0.0.0.0" || bind == "::";
  if (usual) return fmt::format("http://localhost:{}", port);
  return bind.find(':') == std::string::npos ? fmt::format("http://{}:{}", bind, port)
                                             : fmt::format("http://[{}]:{}", bind, port);
}

std::vector<std::string> about_agent(const serve_options& options, const chosen_agent& chosen) {
  if (options.no_engine) return {"agent: none here (--no-engine); run the tasks with cobatch engine or cobatch run"};
  if (!chosen.driver) return {how_to_choose_an_agent(), "until then tasks are accepted and none is run"};
  return chosen.about;
}

void print_start(const serve_options& options, const workspace& place, const chosen_agent& chosen,
                 const http_rules& rules, int port) {
  const std::string url = url_of(options.bind, port);
  if (options.common.json) {
    json::object out{{"status", "success"},
                     {"url", url},
                     {"port", port},
                     {"workspace", place.paths().root.string()},
                     {"engine", chosen.driver != nullptr}};
    if (chosen.driver) out.push_back({"agent", chosen.driver->name()});
    out.push_back({"token_required", !rules.token.empty()});
    out.push_back({"pid", static_cast<std::int64_t>(::getpid())});
    return print_json(std::move(out));
  }
  const palette paint(STDOUT_FILENO);
  print_line(fmt::format("{} {}", paint.strong("cobatch serves"), url));
  print_line(fmt::format("workspace: {}", one_line(place.paths().root.string())));
  for (const auto& line : about_agent(options, chosen)) print_line(line);
  if (!rules.token.empty()) print_line("every request must bring the token of --token-file");
  print_line(how_to_stop);
}

// Nothing if there is to be no engine here.
result<std::optional<presence>> announce_if_any(workspace& place, const engine_options& wanted) {
  if (wanted.agents.empty()) return std::nullopt;
  auto here = announce_engine(place, wanted);
  if (!here) return fail(std::move(here.error()));
  return std::move(*here);
}

// The engine in a thread of its own. Should it fail for good, the server ends too: it would accept what nobody runs.
class background_engine {
 public:
  background_engine(workspace& place, engine_options wanted, std::optional<presence> here, std::stop_source stop) {
    if (!here) return;
    thread_ = std::jthread([this, &place, wanted = std::move(wanted), here = std::move(*here), stop]() mutable {
      const auto report = run_announced(place, wanted, std::move(here), stop.get_token(), run_until::stopped);
      if (report) return;
      failure_ = report.error();
      stop.request_stop();
    });
  }
  /// Waits for its end; why it failed, if it did.
  std::optional<error> join() {
    if (thread_.joinable()) thread_.join();
    return failure_;
  }

 private:
  std::optional<error> failure_;  // written by the thread, read after it was joined
  std::jthread thread_;
};

}  // namespace

int run_serve(const serve_options& options) {
  const bool json = options.common.json;
  const auto rules = make_rules(options.bind, options.allowed_hosts, options.token_file);
  if (!rules) return fail_with(rules.error(), json);
  const auto chosen = options.no_engine ? result<chosen_agent>(chosen_agent{}) : choose_agent(options.agent);
  if (!chosen) return fail_with(chosen.error(), json);
  auto place = open_workspace(options.common, options.agent.engine.max_tasks_per_session);
  if (!place) return fail_with(place.error(), json);
  const auto signals = stop_signals::watch();
  if (!signals) return fail_with(signals.error(), json);
  const std::stop_source& stop = (*signals)->stop();
  auto wanted = engine_options_of(options.agent, *chosen, (*signals)->hurry());
  if (!wanted) return fail_with(wanted.error(), json);
  http_options wanted_server{
      .bind = options.bind, .port = options.port, .rules = *rules, .agent = {}, .prices = wanted->prices};
  if (chosen->driver) wanted_server.agent = chosen->driver->name();
  const auto connections = connections_possible(wanted_server.connections);
  if (!connections) return fail_with(connections.error(), json);
  wanted_server.connections = *connections;
  auto server = http_server::open(*place, std::move(wanted_server));
  if (!server) return fail_with(server.error(), json);

  // Who reads that the server is ready, and asks, finds the engine.
  auto here = announce_if_any(*place, *wanted);
  if (!here) return fail_with(here.error(), json);
  print_start(options, *place, *chosen, *rules, server->port());

  progress_printer printer(options.agent.show_prompts, wanted->prices);
  wanted->on_event = [&](const event& happened) {
    if (!json) printer.on_event(happened);
  };
  background_engine engine(*place, std::move(*wanted), std::move(*here), stop);
  server->serve(stop.get_token());
  // Closed before the running task gets its grace: a client is refused at once instead of waiting for nobody.
  server = fail(errc::interrupted, "the server has stopped");
  const auto failure = engine.join();
  if (!failure) return exit_success;
  return fail_with({failure->code, "The engine had to stop, and the server with it: " + failure->message}, false);
}

}  // namespace cobatch::program
