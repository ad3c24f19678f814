// The command line: which commands and options there are, what their help says, and from the arguments to the command
// that was asked for.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <cobatch/agent.hpp>

#include "program/commands.hpp"
#include "program/terminal.hpp"

namespace cobatch::program {

namespace {

template <class Options>
struct command {
  CLI::App* app;
  std::shared_ptr<Options> to;
};

// The commands of the line. One of them is run while it is parsed, as the last step.
struct command_line {
  CLI::App app{"Runs a batch of coding-agent tasks in one session.", "cobatch"};
  int code = exit_usage;

  // With the options that all have.
  template <class Options>
  command<Options> add(const char* name, const char* help, const char* example, int (*run)(const Options&)) {
    auto to = std::make_shared<Options>();
    CLI::App* made = app.add_subcommand(name, help);
    made->footer(std::string("Example:\n  ") + example);
    made->add_option("--root", to->common.root, "The project folder (default: the current one)")
        ->envname("COBATCH_ROOT");
    made->add_option("--state", to->common.state, "Keep store and guard in this folder, for a data/ that cannot lock")
        ->envname("COBATCH_STATE");
    made->add_flag("--json", to->common.json, "Print one JSON value, and nothing else, to standard output");
    made->callback([this, to, run] { code = run(*to); });
    return {made, to};
  }
};

CLI::Option* add_list(CLI::App& app, const char* name, std::vector<std::string>& to, const char* help) {
  return app.add_option(name, to, help)->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

// The option is in units of so many seconds, and may have a fraction.
CLI::Option* add_time(CLI::App& app, const char* name, std::chrono::milliseconds& to, double unit, const char* help) {
  const auto take = [&to, unit](double given) {
    to = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::duration<double>(given * unit));
  };
  return app.add_option_function<double>(name, take, help);
}

void add_agent_options(CLI::App& app, agent_options& to) {
  spending_cap& day = to.engine.day_budget;
  app.add_option("--agent", to.agent, "Who does the tasks (default: claude if it is in PATH)")
      ->check(CLI::IsMember(std::vector<std::string>(built_in_agents.begin(), built_in_agents.end())));
  app.add_option("--exec", to.program,
                 "The program of --agent command or prompt; of claude, codex or gemini, where it is, if not in PATH");
  add_list(app, "--exec-arg", to.arguments, "An argument for it; repeat it for more");
  app.add_option("--script", to.script, "The JSON file that --agent scripted plays");
  app.add_option("--cwd", to.engine.working_directory, "The agent's folder (default: --root)");
  add_list(app, "--allow", to.allowed_tools, "A further tool that claude may use, e.g. Bash; repeat it for more");
  app.add_option("--model", to.model, "The model, for tasks and batches that name none");
  app.add_option("--permission", to.permission_mode,
                 "claude's permission mode (acceptEdits), codex's sandbox (workspace-write) or gemini's approval mode "
                 "(auto_edit)");
  app.add_option("--system-prompt", to.system_prompt, "Added to claude's own system prompt");
  app.add_option("--mcp-config", to.mcp_config, "A file of MCP servers for claude; it gets only these");
  app.add_option("--max-turns", to.max_turns, "Requests to the model that claude may make a task (default: no limit)")
      ->check(CLI::Range(1, 100000));
  app.add_flag("--codex-exec", to.codex_exec,
               "Drive codex by `codex exec`, a process a task, and not by its app-server");
  add_list(app, "--agent-arg", to.agent_arguments, "A further argument for the agent program; repeat it for more");
  app.add_flag("--allow-checks", to.engine.allow_checks,
               "Run the checks of tasks: whoever may assign tasks can then run programs as you");
  app.add_flag("--show-prompts", to.show_prompts, "Print what is sent to the agent");
  app.add_option("--prices", to.prices,
                 "A price file in the shape of LiteLLM's model_prices_and_context_window.json: shows money, and lets "
                 "budgets be in dollars");
  app.add_option_function<double>(
         "--day-usd", [&day](double usd) { day.nano_dollars = std::llround(usd * 1e9); },
         "Dollars that may be spent a day (UTC) in this workspace; needs --prices")
      ->check(CLI::Range(0.000001, 1e6));
  app.add_option("--day-tokens", day.tokens, "Tokens that may be processed a day")
      ->check(CLI::Range(1L, 1000000000000L));
  add_time(app, "--day-minutes", day.time, 60, "Minutes that turns may run a day")->check(CLI::Range(0.01, 1440.0));
  app.add_option_function<std::string>(
         "--day-unknown", [&day](const std::string& said) { day.allow_unknown = said == "allow"; },
         "After a turn whose usage nobody reported, with --day-usd or --day-tokens: hold (default), or allow")
      ->check(CLI::IsMember({"hold", "allow"}));
  add_time(app, "--limit-wait", to.engine.limit_wait, 1,
           "Seconds of the first rest at a limit that does not say when it is over; doubled each time (default 30)")
      ->check(CLI::Range(0.1, 900.0));
  add_time(app, "--quiet-after", to.engine.quiet_after, 1,
           "Seconds without a word from the agent until that is said; 0: never (default 300)")
      ->check(CLI::Range(0.0, 604800.0));
  add_time(app, "--idle-limit", to.engine.idle_limit, 1,
           "Seconds without a word from an agent that has closed its task until the turn is ended with what it "
           "said; 0: never (default)")
      ->check(CLI::Range(0.0, 604800.0));
  add_time(app, "--turn-limit", to.engine.turn_limit, 1, "Seconds a task may take (default 1800)")
      ->check(CLI::Range(1.0, 604800.0));
  app.add_option("--max-tasks-per-session", to.engine.max_tasks_per_session, "Then a new session (default 10)")
      ->check(CLI::Range(1, 100000));
  add_time(app, "--linger", to.engine.linger, 1,
           "Seconds a session waits for stragglers if its very first task sealed the batch (default 5)")
      ->check(CLI::Range(0.0, 3600.0));
}

json::value as_text(const std::string& text) { return text; }

// What assign is told stands in its request under a name of its own, and is checked there. An empty text says nothing.
CLI::Option* add_member(CLI::App& app, const char* option, json::object& to, const char* name, const char* help,
                        json::value (*as_json)(const std::string&) = as_text) {
  const auto take = [&to, name, as_json](const std::string& text) {
    if (!text.empty()) to.push_back({name, as_json(text)});
  };
  return app.add_option_function<std::string>(option, take, help);
}

CLI::Option* add_members(CLI::App& app, const char* option, json::object& to, const char* name, const char* help) {
  const auto take = [&to, name](const std::vector<std::string>& texts) {
    to.push_back({name, json::array(texts.begin(), texts.end())});
  };
  return app.add_option_function<std::vector<std::string>>(option, take, help)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_task_options(CLI::App& app, assign_options& to, CLI::Option* file) {
  json::object& task = to.task_members;
  add_member(app, "--priority", task, "priority", "high, medium or low")
      ->check(CLI::IsMember({"high", "medium", "low"}))
      ->excludes(file);
  app.add_option("--context", to.context, "A JSON value for the agent")->excludes(file);
  add_members(app, "--need", task, "needs", "A task of the same batch that must be done first; repeat it for more")
      ->excludes(file);
  auto* check = app.add_option("--check", to.check_program,
                               "A program that must exit with 0 before the task is done; needs an engine with "
                               "--allow-checks");
  check->excludes(file);
  add_list(app, "--check-arg", to.check_arguments, "An argument for it; repeat it for more")->needs(check);
  add_members(app, "--tool", task, "tools", "A tool that the task may use, and no other but those named so")
      ->excludes(file);
  add_member(app, "--time-limit", task, "time_limit_seconds", "Seconds that the task may take: 1 to 86400",
             json_or_text)
      ->excludes(file);
}

void add_batch_options(CLI::App& app, assign_options& to) {
  json::object &batch = to.batch_members, &budget = to.budget_members;
  add_member(app, "--agent", batch, "agent", "The agent that is to run the batch");
  add_member(app, "--way", batch, "way",
             "one_session (default): one conversation; fork: each task goes on from the preamble alone; separate: a "
             "conversation a task")
      ->check(CLI::IsMember({"one_session", "fork", "separate"}));
  add_member(app, "--on-error", batch, "on_error",
             "When a task ends in error: continue with the others (default), or stop and cancel them")
      ->check(CLI::IsMember({"continue", "stop"}));
  add_member(app, "--budget-usd", budget, "usd",
             "Dollars that the batch may use; the task that reaches them is the last", json_or_text);
  add_member(app, "--budget-tokens", budget, "tokens", "Tokens that it may read or write, cache reads included",
             json_or_text);
  add_member(app, "--budget-minutes", budget, "minutes", "Minutes that its tasks may run", json_or_text);
  add_member(app, "--budget-unknown", budget, "unknown",
             "After a task whose usage nobody reported: hold the batch (default), or allow it to go on")
      ->check(CLI::IsMember({"hold", "allow"}));
  add_member(app, "--preamble", batch, "preamble", "Context that all tasks share, sent once before the first");
  add_members(app, "--context-file", batch, "context_files",
              "A file whose content follows it, below the agent's folder; repeat it for more");
}

void add_serve(command_line& line) {
  const auto [app, to] = line.add("serve", "Answer requests over HTTP and run sealed batches",
                                  "cobatch serve --port 5001 --agent command --exec ./agent.py", run_serve);
  app->add_option("--port", to->port, "The port (default 5001; 0: any that is free)")->check(CLI::Range(0, 65535));
  app->add_option("--bind", to->bind, "The address to listen on (default 127.0.0.1); another one needs --token-file");
  add_list(*app, "--allow-host", to->allowed_hosts, "Answer to this Host too; needs --token-file; repeat it for more");
  app->add_option("--token-file", to->token_file,
                  "Ask every request for the token in this file (only its owner may read it)");
  app->add_flag("--no-engine", to->no_engine, "Only answer requests; another process runs the tasks");
  add_agent_options(*app, to->agent);
}

void add_engine(command_line& line) {
  const auto [app, to] = line.add("engine", "Run sealed batches as they come, without a server",
                                  "cobatch engine --root ~/project --agent claude --allow Bash", run_engine);
  add_agent_options(*app, to->agent);
}

void add_run(command_line& line) {
  const auto [app, to] = line.add("run", "Run one batch, or everything that is sealed, and return when it is done",
                                  "cobatch run batch_20251107_214500 --agent claude", run_run);
  app->add_option("BATCH_ID", to->batch, "Seal and run this batch (default: every sealed batch)");
  app->add_flag(
      "--wait", to->wait,
      "If there is a lock file that Cobatch did not write, wait until it is removed, instead of exiting with 6");
  add_agent_options(*app, to->agent);
}

void add_call(command_line& line) {
  const auto [app, to] = line.add(
      "call", "Answer one request; no server is needed",
      R"(cobatch call assign_task task_id=doc_1 "description=Document feature A" auto_execute=false)", run_call);
  app->add_option("WHAT", to->what, "An action; or a file with a request as JSON, -: standard input (default)");
  app->add_option("NAME=VALUE", to->params, "The action's parameters; what is no text as JSON");
}

void add_assign(command_line& line) {
  const auto made = line.add("assign", "Assign a task, or a whole batch from a file",
                             "cobatch assign doc_1 'Document feature A' --batch batch_20251107_214500 --open\n"
                             "  cobatch assign --file tasks.json",
                             run_assign);
  CLI::App& app = *made.app;
  assign_options& to = *made.to;
  auto* task = app.add_option("TASK_ID", to.task, "The task's id");
  auto* description = app.add_option("DESCRIPTION", to.description, "What is to be done");
  task->needs(description);
  auto* file = app.add_option("--file", to.file,
                              "Tasks as a JSON array, an object with batch_id and tasks, JSON Lines, or a Markdown "
                              "checklist, of which ticked items are passed over; -: standard input");
  file->excludes(task);
  json::object& batch = to.batch_members;
  add_member(app, "--batch", batch, "batch_id", "The batch's id (default: a batch of its own)");
  const auto open = [&batch](std::int64_t times) {
    if (times > 0) batch.push_back({"auto_execute", false});
  };
  app.add_flag_function("--open,--no-execute", open, "Leave the batch open for more tasks; nothing runs yet");
  add_member(app, "--model", batch, "model", "The model for the task; with --file, for all tasks that name none");
  add_task_options(app, to, file);
  add_batch_options(app, to);
  app.callback([made, task, file, &line] {
    if (task->empty() && file->empty()) throw CLI::RequiredError("TASK_ID and DESCRIPTION, or --file,");
    line.code = run_assign(*made.to);
  });
}

void add_status(command_line& line) {
  const auto [app, to] = line.add("status", "How the workspace, a batch or a task stands",
                                  "cobatch status batch_20251107_214500", run_status);
  app->add_option("ID", to->id, "A batch's or a task's id (default: the whole workspace)");
}

void add_unlock(command_line& line) {
  const auto [app, to] =
      line.add("unlock", "Remove a lock file that nobody stands behind", "cobatch unlock", run_unlock);
  app->add_flag("--force", to->force, "Ask a session that is running to end; its tasks stay queued");
}

void add_savings(command_line& line) {
  const auto [app, to] = line.add("savings", "What a batch saved; without an id, the guide's calculator",
                                  "cobatch savings batch_20251107_214500 --prices prices.json", run_savings);
  auto* batch = app->add_option("BATCH_ID", to->batch, "A batch that has run (default: the guide's table)");
  app->add_option("--prices", to->prices, "A price file, as of cobatch run: shows what the batch cost")->needs(batch);
}

void add_doctor(command_line& line) {
  const auto [app, to] = line.add("doctor", "Whether all is well for a batch, or was; what is wrong, and what helps",
                                  "cobatch doctor batch_20251107_214500", run_doctor);
  app->add_option("BATCH_ID", to->batch, "Look at what came of this batch, too");
  app->add_option("--prices", to->prices, "Look at this price file, too");
}

void add_import(command_line& line) {
  const auto [app, to] = line.add("import", "Take over the tasks and results of the original system's JSON files",
                                  "cobatch import ~/old_project/data --dry-run", run_import);
  app->add_option("FOLDER", to->folder, "The original's data/ folder; nothing in it is changed")->required();
  app->add_flag("--dry-run", to->dry_run, "Only say what would be put in");
}

int run_command_line(int argc, const char* const* argv) {
  command_line line;
  CLI::App& app = line.app;
  app.set_version_flag("--version", fmt::format("cobatch {}", version()));
  app.require_subcommand(1);
  app.footer(std::string(exit_code_help) +
             "\nExample:\n  cobatch assign doc_1 'Document feature A' && cobatch run\n\n"
             "Help on a command: cobatch COMMAND --help");
  for (const auto add : {add_serve, add_engine, add_run, add_call, add_assign, add_status, add_unlock, add_savings,
                         add_doctor, add_import})
    add(line);
  try {
    if (argc < 2) throw CLI::CallForHelp();
    app.parse(argc, argv);
    return line.code;
  } catch (const CLI::Success& asked_for_help) {
    return app.exit(asked_for_help);
  } catch (const CLI::ParseError& mistake) {
    if (std::any_of(argv, argv + argc, [](std::string_view argument) { return argument == "--json"; }))
      print_line(error_json({errc::bad_value, mistake.what()}));
    print_error_line(fmt::format("cobatch: {}", one_line(mistake.what())));
    print_error_line("Run cobatch --help, or cobatch COMMAND --help, for what there is.");
    return exit_usage;
  }
}

int run_or_say_why_not(int argc, char** argv) {
  try {
    return run_command_line(argc, argv);
  } catch (const std::exception& e) {
    print_error_line("cobatch: internal: " + one_line(e.what()));
    return exit_fault;
  }
}

}  // namespace

}  // namespace cobatch::program

int main(int argc, char** argv) {
  using namespace cobatch::program;
  std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away loses output; it ends no session
  const int code = run_or_say_why_not(argc, argv);
  const bool arrived = close_output();
  return arrived || code != exit_success ? code : exit_fault;
}
