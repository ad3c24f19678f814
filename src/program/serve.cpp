// cobatch serve: HTTP and, unless another process is to run the tasks, the engine.
#include <optional>
#include <thread>
#include <unistd.h>

#include <fmt/core.h>

#include <cobatch/prices.hpp>

#include "base/json.hpp"
#include "engine/engine.hpp"
#include "program/choose_agent.hpp"
#include "program/exit_codes.hpp"
#include "program/http_server.hpp"
#include "program/listener.hpp"
#include "program/open_files.hpp"
#include "program/options.hpp"
#include "program/progress.hpp"
#include "program/signals.hpp"
#include "program/speak.hpp"
#include "program/token_file.hpp"

namespace cobatch::program {

namespace {

// Beyond this machine only with a secret, whether by the address listened on or by the names answered to.
result<http_rules> rules_of(const serve_options& options) {
  http_rules rules;
  rules.allowed_hosts = options.allowed_hosts;
  if (!options.token_file.empty()) {
    auto token = read_token(options.token_file);
    if (!token) return fail(std::move(token.error()));
    rules.token = std::move(*token);
  }
  if (rules.token.empty() && !rules.allowed_hosts.empty())
    return fail(errc::bad_value, "--allow-host needs --token-file FILE: whoever reaches the server can run an agent.");
  if ((rules.token.empty() || rules.allowed_hosts.empty()) && !is_loopback_address(options.bind))
    return fail(errc::bad_value,
                fmt::format("--bind {} lets other machines in: it needs --allow-host NAME and --token-file FILE.",
                            options.bind));
  return rules;
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
    return print_line(json::write(std::move(out)));
  }
  const palette paint(STDOUT_FILENO);
  print_line(fmt::format("{} {}", paint.strong("cobatch serves"), url));
  print_line(fmt::format("workspace: {}", one_line(place.paths().root.string())));
  for (const auto& line : about_agent(options, chosen)) print_line(line);
  if (!rules.token.empty()) print_line("every request must bring the token of --token-file");
  print_line("stop it with Ctrl-C: the running task gets 10 seconds; a second Ctrl-C ends it at once");
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
  const auto rules = rules_of(options);
  if (!rules) return fail_with(rules.error(), json);
  auto chosen = options.no_engine ? result<chosen_agent>(chosen_agent{}) : choose_agent(options.agent);
  if (!chosen) return fail_with(chosen.error(), json);
  auto place = open_workspace(options.common, options.agent.max_tasks_per_session);
  if (!place) return fail_with(place.error(), json);
  std::stop_source stop, hurry;
  auto wanted = engine_options_of(options.agent, *chosen, hurry.get_token());
  if (!wanted) return fail_with(wanted.error(), json);
  http_options wanted_server;
  wanted_server.prices = wanted->prices;
  wanted_server.bind = options.bind;
  wanted_server.port = options.port;
  wanted_server.rules = *rules;
  if (chosen->driver) wanted_server.agent = chosen->driver->name();
  const auto connections = connections_possible(wanted_server.connections);
  if (!connections) return fail_with(connections.error(), json);
  wanted_server.connections = *connections;
  auto server = http_server::open(*place, std::move(wanted_server));
  if (!server) return fail_with(server.error(), json);

  auto signals = stop_signals::watch([&](int count) {
    stop.request_stop();
    if (count > 1) hurry.request_stop();
  });
  if (!signals) return fail_with(signals.error(), json);
  // Who reads that the server is ready, and asks, finds the engine.
  auto here = announce_if_any(*place, *wanted);
  if (!here) return fail_with(here.error(), json);
  print_start(options, *place, *chosen, *rules, server->port());

  progress_printer printer(is_terminal(STDOUT_FILENO), options.agent.show_prompts, wanted->prices);
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
