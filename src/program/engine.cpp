// cobatch engine: runs sealed batches as they come, without a server.
#include "engine/engine.hpp"

#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include <cobatch/prices.hpp>

#include "base/json.hpp"
#include "engine/engine.hpp"
#include "program/choose_agent.hpp"
#include "program/exit_codes.hpp"
#include "program/options.hpp"
#include "program/progress.hpp"
#include "program/signals.hpp"
#include "program/speak.hpp"

namespace cobatch::program {

int run_engine(const engine_command_options& options) {
  const bool json = options.common.json;
  const auto chosen = choose_agent(options.agent);
  if (!chosen) return fail_with(chosen.error(), json);
  if (!chosen->driver) return fail_with({errc::agent_missing, how_to_choose_an_agent()}, json);
  auto place = open_workspace(options.common, options.agent.max_tasks_per_session);
  if (!place) return fail_with(place.error(), json);

  std::stop_source stop, hurry;
  auto signals = stop_signals::watch([&](int count) {
    stop.request_stop();
    if (count > 1) hurry.request_stop();
  });
  if (!signals) return fail_with(signals.error(), json);
  auto wanted = engine_options_of(options.agent, *chosen, hurry.get_token());
  if (!wanted) return fail_with(wanted.error(), json);
  // Who reads that it is ready, and asks, finds it.
  auto here = announce_engine(*place, *wanted);
  if (!here) return fail_with(here.error(), json);
  if (json) {
    print_line(json::write(json::object{{"status", "success"},
                                        {"workspace", place->paths().root.string()},
                                        {"agent", chosen->driver->name()},
                                        {"pid", static_cast<std::int64_t>(::getpid())}}));
  } else {
    print_line(fmt::format("engine for {}", one_line(place->paths().root.string())));
    for (const auto& line : chosen->about) print_line(line);
    print_line("stop it with Ctrl-C: the running task gets 10 seconds; a second Ctrl-C ends it at once");
  }

  progress_printer printer(is_terminal(STDOUT_FILENO), options.agent.show_prompts, wanted->prices);
  wanted->on_event = [&](const event& happened) {
    if (!json) printer.on_event(happened);
  };
  const auto report = run_announced(*place, *wanted, std::move(*here), stop.get_token(), run_until::stopped);
  if (!report) return fail_with(report.error(), false);
  return exit_success;
}

}  // namespace cobatch::program
