// The command line: which options there are, and what their help says.
#include "program/command_line.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <string_view>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <cobatch/agent.hpp>
#include <cobatch/protocol.hpp>
#include <cobatch/workspace.hpp>

#include "program/exit_codes.hpp"
#include "program/options.hpp"
#include "program/terminal.hpp"

namespace cobatch::program {

namespace {

// A command of the line, with what is to be run if it is the one that was given.
struct command {
  CLI::App* app;
  std::function<int()> run;
};

void add_common(CLI::App& app, common_options& to) {
  app.add_option("--root", to.root, "The project folder (default: the current one)")->envname("COBATCH_ROOT");
  app.add_option("--state", to.state, "Keep store and guard in this folder, for a data/ that cannot lock")
      ->envname("COBATCH_STATE");
  app.add_flag("--json", to.json, "Print one JSON value, and nothing else, to standard output");
}

void add_agent(CLI::App& app, agent_options& to) {
  app.add_option("--agent", to.agent, "Who does the tasks (default: claude if it is in PATH)")
      ->check(CLI::IsMember(std::vector<std::string>(built_in_agents.begin(), built_in_agents.end())));
  app.add_option("--exec", to.program,
                 "The program of --agent command or prompt; of claude, codex or gemini, where it is, if not in PATH");
  app.add_option("--exec-arg", to.arguments, "An argument for it; repeat it for more")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--script", to.script, "The JSON file that --agent scripted plays");
  app.add_option("--cwd", to.working_directory, "The agent's folder (default: --root)");
  app.add_option("--allow", to.allowed_tools, "A further tool that claude may use, e.g. Bash; repeat it for more")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
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
  app.add_option("--agent-arg", to.agent_arguments, "A further argument for the agent program; repeat it for more")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_flag("--allow-checks", to.allow_checks,
               "Run the checks of tasks: whoever may assign tasks can then run programs as you");
  app.add_flag("--show-prompts", to.show_prompts, "Print what is sent to the agent");
  app.add_option("--prices", to.prices,
                 "A price file in the shape of LiteLLM's model_prices_and_context_window.json: shows money, and lets "
                 "budgets be in dollars");
  app.add_option("--day-usd", to.day_usd, "Dollars that may be spent a day (UTC) in this workspace; needs --prices")
      ->check(CLI::Range(0.000001, 1e6));
  app.add_option("--day-tokens", to.day_tokens, "Tokens that may be processed a day")
      ->check(CLI::Range(1L, 1000000000000L));
  app.add_option("--day-minutes", to.day_minutes, "Minutes that turns may run a day")->check(CLI::Range(0.01, 1440.0));
  app.add_option("--day-unknown", to.day_unknown,
                 "After a turn whose usage nobody reported, with --day-usd or --day-tokens: hold (default), or allow")
      ->check(CLI::IsMember({"hold", "allow"}));
  app.add_option(
         "--limit-wait", to.limit_wait_seconds,
         "Seconds of the first rest at a limit that does not say when it is over; doubled each time (default 30)")
      ->check(CLI::Range(0.1, 900.0));
  app.add_option("--quiet-after", to.quiet_seconds,
                 "Seconds without a word from the agent until that is said; 0: never (default 300)")
      ->check(CLI::Range(0.0, 604800.0));
  app.add_option("--idle-limit", to.idle_seconds,
                 "Seconds without a word from an agent that has closed its task until the turn is ended with what it "
                 "said; 0: never (default)")
      ->check(CLI::Range(0.0, 604800.0));
  app.add_option("--turn-limit", to.turn_limit_seconds, "Seconds a task may take (default 1800)")
      ->check(CLI::Range(1.0, 604800.0));
  app.add_option("--max-tasks-per-session", to.max_tasks_per_session, "Then a new session (default 10)")
      ->check(CLI::Range(1, 100000));
  app.add_option("--linger", to.linger_seconds,
                 "Seconds a session waits for stragglers if its very first task sealed the batch (default 5)")
      ->check(CLI::Range(0.0, 3600.0));
}

CLI::App* add_command(CLI::App& app, const char* name, const char* what, const char* example) {
  CLI::App* made = app.add_subcommand(name, what);
  made->footer(std::string("Example:\n  ") + example);
  return made;
}

command add_serve(CLI::App& app) {
  auto to = std::make_shared<serve_options>();
  CLI::App* made = add_command(app, "serve", "Answer requests over HTTP and run sealed batches",
                               "cobatch serve --port 5001 --agent command --exec ./agent.py");
  add_common(*made, to->common);
  made->add_option("--port", to->port, "The port (default 5001; 0: any that is free)")->check(CLI::Range(0, 65535));
  made->add_option("--bind", to->bind, "The address to listen on (default 127.0.0.1); another one needs --token-file");
  made->add_option("--allow-host", to->allowed_hosts, "Answer to this Host too; needs --token-file; repeat it for more")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  made->add_option("--token-file", to->token_file,
                   "Ask every request for the token in this file (only its owner may read it)");
  made->add_flag("--no-engine", to->no_engine, "Only answer requests; another process runs the tasks");
  add_agent(*made, to->agent);
  return {made, [to] { return run_serve(*to); }};
}

command add_engine(CLI::App& app) {
  auto to = std::make_shared<engine_command_options>();
  CLI::App* made = add_command(app, "engine", "Run sealed batches as they come, without a server",
                               "cobatch engine --root ~/project --agent claude --allow Bash");
  add_common(*made, to->common);
  add_agent(*made, to->agent);
  return {made, [to] { return run_engine(*to); }};
}

command add_run(CLI::App& app) {
  auto to = std::make_shared<run_options>();
  CLI::App* made = add_command(app, "run", "Run one batch, or everything that is sealed, and return when it is done",
                               "cobatch run batch_20251107_214500 --agent claude");
  add_common(*made, to->common);
  made->add_option("BATCH_ID", to->batch, "Seal and run this batch (default: every sealed batch)");
  made->add_flag(
      "--wait", to->wait,
      "If there is a lock file that Cobatch did not write, wait until it is removed, instead of exiting with 6");
  add_agent(*made, to->agent);
  return {made, [to] { return run_run(*to); }};
}

command add_call(CLI::App& app) {
  auto to = std::make_shared<call_options>();
  CLI::App* made =
      add_command(app, "call", "Answer one request; no server is needed",
                  R"(cobatch call assign_task task_id=doc_1 "description=Document feature A" auto_execute=false)");
  add_common(*made, to->common);
  made->add_option("WHAT", to->what, "An action; or a file with a request as JSON, -: standard input (default)");
  made->add_option("NAME=VALUE", to->params, "The action's parameters; what is no text as JSON");
  return {made, [to] { return run_call(*to); }};
}

CLI::Option* add_list(CLI::App& app, const char* name, std::vector<std::string>& to, const char* what) {
  return app.add_option(name, to, what)->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_conditions_of_task(CLI::App& app, assign_options& to, CLI::Option* file) {
  app.add_option("--priority", to.priority, "high, medium or low")
      ->check(CLI::IsMember({"high", "medium", "low"}))
      ->excludes(file);
  app.add_option("--context", to.context, "A JSON value for the agent")->excludes(file);
  add_list(app, "--need", to.needs, "A task of the same batch that must be done first; repeat it for more")
      ->excludes(file);
  auto* check = app.add_option("--check", to.check_program,
                               "A program that must exit with 0 before the task is done; needs an engine with "
                               "--allow-checks");
  check->excludes(file);
  add_list(app, "--check-arg", to.check_arguments, "An argument for it; repeat it for more")->needs(check);
  add_list(app, "--tool", to.tools, "A tool that the task may use, and no other but those named so")->excludes(file);
  app.add_option("--time-limit", to.time_limit_seconds, "Seconds that the task may take: 1 to 86400")->excludes(file);
}

void add_settings_of_batch(CLI::App& app, assign_options& to) {
  app.add_option("--agent", to.agent, "The agent that is to run the batch");
  app.add_option(
         "--way", to.way,
         "one_session (default): one conversation; fork: each task goes on from the preamble alone; separate: a "
         "conversation a task")
      ->check(CLI::IsMember({"one_session", "fork", "separate"}));
  app.add_option("--on-error", to.on_error,
                 "When a task ends in error: continue with the others (default), or stop and cancel them")
      ->check(CLI::IsMember({"continue", "stop"}));
  app.add_option("--budget-usd", to.budget_usd,
                 "Dollars that the batch may use; the task that reaches them is the last");
  app.add_option("--budget-tokens", to.budget_tokens, "Tokens that it may read or write, cache reads included");
  app.add_option("--budget-minutes", to.budget_minutes, "Minutes that its tasks may run");
  app.add_option("--budget-unknown", to.budget_unknown,
                 "After a task whose usage nobody reported: hold the batch (default), or allow it to go on")
      ->check(CLI::IsMember({"hold", "allow"}));
  app.add_option("--preamble", to.preamble, "Context that all tasks share, sent once before the first");
  add_list(app, "--context-file", to.context_files,
           "A file whose content follows it, below the agent's folder; repeat it for more");
}

command add_assign(CLI::App& app) {
  auto to = std::make_shared<assign_options>();
  CLI::App* made = add_command(app, "assign", "Assign a task, or a whole batch from a file",
                               "cobatch assign doc_1 'Document feature A' --batch batch_20251107_214500 --open\n"
                               "  cobatch assign --file tasks.json");
  add_common(*made, to->common);
  auto* task = made->add_option("TASK_ID", to->task, "The task's id");
  auto* description = made->add_option("DESCRIPTION", to->description, "What is to be done");
  task->needs(description);
  auto* file = made->add_option("--file", to->file,
                                "Tasks as a JSON array, an object with batch_id and tasks, JSON Lines, or a Markdown "
                                "checklist, of which ticked items are passed over; -: standard input");
  file->excludes(task);
  made->add_option("--batch", to->batch, "The batch's id (default: a batch of its own)");
  made->add_flag("--open,--no-execute", to->open, "Leave the batch open for more tasks; nothing runs yet");
  made->add_option("--model", to->model, "The model for the task; with --file, for all tasks that name none");
  add_conditions_of_task(*made, *to, file);
  add_settings_of_batch(*made, *to);
  made->callback([task, file] {
    if (task->empty() && file->empty()) throw CLI::RequiredError("TASK_ID and DESCRIPTION, or --file,");
  });
  return {made, [to] { return run_assign(*to); }};
}

command add_status(CLI::App& app) {
  auto to = std::make_shared<status_options>();
  CLI::App* made =
      add_command(app, "status", "How the workspace, a batch or a task stands", "cobatch status batch_20251107_214500");
  add_common(*made, to->common);
  made->add_option("ID", to->id, "A batch's or a task's id (default: the whole workspace)");
  return {made, [to] { return run_status(*to); }};
}

command add_unlock(CLI::App& app) {
  auto to = std::make_shared<unlock_options>();
  CLI::App* made = add_command(app, "unlock", "Remove a lock file that nobody stands behind", "cobatch unlock");
  add_common(*made, to->common);
  made->add_flag("--force", to->force, "Ask a session that is running to end; its tasks stay queued");
  return {made, [to] { return run_unlock(*to); }};
}

command add_savings(CLI::App& app) {
  auto to = std::make_shared<savings_options>();
  CLI::App* made = add_command(app, "savings", "What a batch saved; without an id, the guide's calculator",
                               "cobatch savings batch_20251107_214500 --prices prices.json");
  add_common(*made, to->common);
  auto* batch = made->add_option("BATCH_ID", to->batch, "A batch that has run (default: the guide's table)");
  made->add_option("--prices", to->prices, "A price file, as of cobatch run: shows what the batch cost")->needs(batch);
  return {made, [to] { return run_savings(*to); }};
}

command add_doctor(CLI::App& app) {
  auto to = std::make_shared<doctor_options>();
  CLI::App* made = add_command(app, "doctor", "Whether all is well for a batch, or was; what is wrong, and what helps",
                               "cobatch doctor batch_20251107_214500");
  add_common(*made, to->common);
  made->add_option("BATCH_ID", to->batch, "Look at what came of this batch, too");
  made->add_option("--prices", to->prices, "Look at this price file, too");
  return {made, [to] { return run_doctor(*to); }};
}

command add_import(CLI::App& app) {
  auto to = std::make_shared<import_options>();
  CLI::App* made = add_command(app, "import", "Take over the tasks and results of the original system's JSON files",
                               "cobatch import ~/old_project/data --dry-run");
  add_common(*made, to->common);
  made->add_option("FOLDER", to->folder, "The original's data/ folder; nothing in it is changed")->required();
  made->add_flag("--dry-run", to->dry_run, "Only say what would be put in");
  return {made, [to] { return run_import(*to); }};
}

std::string footer() {
  return std::string(exit_code_help) +
         "\nExample:\n  cobatch assign doc_1 'Document feature A' && cobatch run\n\n"
         "Help on a command: cobatch COMMAND --help";
}

}  // namespace

int run_command_line(int argc, const char* const* argv) {
  CLI::App app("Runs a batch of coding-agent tasks in one session.", "cobatch");
  app.set_version_flag("--version", fmt::format("cobatch {}", version()));
  app.require_subcommand(1);
  app.footer(footer());
  const std::vector<command> commands{add_serve(app),  add_engine(app), add_run(app),    add_call(app),
                                      add_assign(app), add_status(app), add_unlock(app), add_savings(app),
                                      add_doctor(app), add_import(app)};
  try {
    if (argc < 2) throw CLI::CallForHelp();
    app.parse(argc, argv);
  } catch (const CLI::Success& asked_for_help) {
    return app.exit(asked_for_help);
  } catch (const CLI::ParseError& mistake) {
    if (std::any_of(argv, argv + argc, [](std::string_view argument) { return argument == "--json"; }))
      print_line(error_json({errc::bad_value, mistake.what()}));
    print_error_line(fmt::format("cobatch: {}", one_line(mistake.what())));
    print_error_line("Run cobatch --help, or cobatch COMMAND --help, for what there is.");
    return exit_usage;
  }
  for (const auto& entry : commands)
    if (entry.app->parsed()) return entry.run();
  return exit_usage;
}

}  // namespace cobatch::program
