#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <cobatch/agent.hpp>

#include "agents/codex_dialect.hpp"
#include "agents/process_agent.hpp"
#include "os/programs.hpp"

namespace cobatch {

namespace {

using arguments = std::vector<std::string>;

const std::string& model_of(const codex_agent_options& options, const session_start& how) {
  return how.model.empty() ? options.model : how.model;
}

arguments exec_argv(const codex_agent_options& options, const session_start& how) {
  arguments argv{options.program, "exec",          "--json", "--skip-git-repo-check",
                 "--sandbox",     options.sandbox, "-c",     "approval_policy=\"never\""};
  if (const auto& model = model_of(options, how); !model.empty()) argv.insert(argv.end(), {"--model", model});
  argv.insert(argv.end(), options.extra_arguments.begin(), options.extra_arguments.end());
  if (!how.conversation.empty()) argv.insert(argv.end(), {"resume", how.conversation});
  argv.emplace_back("-");  // the prompt comes on standard input
  return argv;
}

arguments server_argv(const codex_agent_options& options) {
  arguments argv{options.program, "app-server"};
  argv.insert(argv.end(), options.extra_arguments.begin(), options.extra_arguments.end());
  return argv;
}

codex_start start_of(const codex_agent_options& options, const session_start& how, bool app_server) {
  return {.app_server = app_server,
          .working_directory = how.working_directory.string(),
          .sandbox = options.sandbox,
          .model = model_of(options, how),
          .thread = how.conversation,
          .fork = how.fork};
}

process_agent_options common_options(const codex_agent_options& options, bool app_server) {
  process_agent_options process;
  process.name = "codex";
  process.grace = options.grace;
  process.takes_preamble = true;
  process.takes_model = true;
  process.make_dialect = [options, app_server](const session_start& how) {
    return make_codex_dialect(start_of(options, how, app_server));
  };
  return process;
}

std::shared_ptr<agent> by_exec(const codex_agent_options& options) {
  auto process = common_options(options, false);
  process.one_turn_a_process = true;
  process.argv = [options](const session_start& how) -> result<arguments> { return exec_argv(options, how); };
  return make_process_agent(std::move(process));
}

std::shared_ptr<agent> by_app_server(const codex_agent_options& options) {
  auto process = common_options(options, true);
  process.turn_end = codex_turn_end;
  process.can_fork = true;
  process.argv = [options](const session_start&) -> result<arguments> { return server_argv(options); };
  return make_process_agent(std::move(process));
}

// Nothing if it did not say. A program that does not know the command takes its name for a prompt, and prints the help
// of all of it.
std::optional<bool> has_app_server(const std::string& program) {
  const auto help = run_program({.argv = {program, "app-server", "--help"},
                                 .deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20}});
  if (!help || help->exit_code != 0) return std::nullopt;
  return help->output.find("codex app-server") != std::string::npos;
}

class codex_agent final : public agent {
 public:
  explicit codex_agent(codex_agent_options options)
      : options_(std::move(options)), exec_(by_exec(options_)), app_server_(by_app_server(options_)) {}

  std::string_view name() const override { return exec_->name(); }
  bool takes_preamble() const override { return exec_->takes_preamble(); }
  bool can_fork() const override { return driver().can_fork(); }
  std::string objection(const task_spec& task) const override { return exec_->objection(task); }
  result<std::unique_ptr<agent_session>> start(const session_start& how) override {
    agent& driven = driver();
    auto started = driven.start(how);
    if (started && &driven == exec_.get() && options_.app_server && how.process == 1) tell_it_is_by_exec(how);
    return started;
  }
  // What either has written is read alike.
  std::optional<settlement> recover(const std::filesystem::path& folder, const turn_record& turn) override {
    return exec_->recover(folder, turn);
  }

 private:
  agent& driver() const {
    if (options_.app_server && !has_app_server_) has_app_server_ = has_app_server(options_.program);
    return options_.app_server && has_app_server_.value_or(false) ? *app_server_ : *exec_;
  }

  void tell_it_is_by_exec(const session_start& how) const {
    if (!how.on_event) return;
    const std::string text =
        std::string(has_app_server_ ? "this codex has no app-server"
                                    : "codex did not say whether it has an app-server") +
        "; each turn is a process of its own in one thread, and what a failed turn uses is counted with the next one";
    how.on_event({.what = event::kind::notice, .text = text});
  }

  codex_agent_options options_;
  std::shared_ptr<agent> exec_, app_server_;
  mutable std::optional<bool> has_app_server_;  // asked for until it is known
};

}  // namespace

std::shared_ptr<agent> v1::make_codex_agent(codex_agent_options options) {
  return std::make_shared<codex_agent>(std::move(options));
}

}  // namespace cobatch
