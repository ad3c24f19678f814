// The commands: what the command line asks of each, what its exit code means, and what they share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/error.hpp>
#include <cobatch/engine.hpp>
#include <cobatch/protocol.hpp>
#include <cobatch/workspace.hpp>

#include "api/request.hpp"
#include "base/json.hpp"

namespace cobatch::program {

// --------------------------------------------------------------------------------------------------------- options

struct common_options {
  std::filesystem::path root = ".";
  std::filesystem::path state;
  bool json = false;  ///< print exactly one JSON value
};

/// Which agent runs tasks, and how.
struct agent_options {
  std::string agent;  ///< empty: claude if it is there, else none
  std::string program;
  std::vector<std::string> arguments;
  std::filesystem::path script;
  std::vector<std::string> allowed_tools;  ///< beside those that claude gets anyway
  std::string model;
  bool codex_exec = false;      ///< not by its app-server
  std::string permission_mode;  ///< claude's permission mode, codex's sandbox, gemini's approval mode; empty: ours
  std::string system_prompt;
  std::filesystem::path mcp_config;
  int max_turns = 0;
  std::vector<std::string> agent_arguments;
  bool show_prompts = false;
  std::filesystem::path prices;
  engine_options engine;  ///< without agents and prices
};

struct serve_options {
  common_options common;
  agent_options agent;
  std::string bind = "127.0.0.1";
  int port = 5001;
  std::vector<std::string> allowed_hosts;
  std::filesystem::path token_file;
  bool no_engine = false;
};

struct engine_command_options {
  common_options common;
  agent_options agent;
};

struct run_options {
  common_options common;
  agent_options agent;
  std::string batch;  ///< empty: everything sealed
  bool wait = false;  ///< for a lock file that Cobatch did not write
};

struct call_options {
  common_options common;
  std::string what = "-";           ///< an action, or the file of a request; -: standard input
  std::vector<std::string> params;  ///< of the action: NAME=VALUE
};

struct assign_options {
  common_options common;
  std::string task;
  std::string description;
  std::string context;  ///< JSON
  std::string file;     ///< of a whole batch; -: standard input
  std::string check_program;
  std::vector<std::string> check_arguments;
  json::object task_members;    ///< what else the request says of the task
  json::object batch_members;   ///< of the batch
  json::object budget_members;  ///< of its budget
};

struct status_options {
  common_options common;
  std::string id;
};

struct unlock_options {
  common_options common;
  bool force = false;
};

struct savings_options {
  common_options common;
  std::string batch;
  std::filesystem::path prices;  ///< empty: no money is shown
};

struct doctor_options {
  common_options common;
  std::string batch;             ///< empty: only what holds for every batch
  std::filesystem::path prices;  ///< empty: none is looked at
};

struct import_options {
  common_options common;
  std::filesystem::path folder;
  bool dry_run = false;
};

/// Each runs a command and returns the program's exit code.
int run_serve(const serve_options& options);
int run_engine(const engine_command_options& options);
int run_run(const run_options& options);
int run_call(const call_options& options);
int run_assign(const assign_options& options);
int run_status(const status_options& options);
int run_unlock(const unlock_options& options);
int run_savings(const savings_options& options);
int run_doctor(const doctor_options& options);
int run_import(const import_options& options);

// ------------------------------------------------------------------------------------------------------ exit codes

/// The same for every command.
enum exit_code : int {
  exit_success = 0,
  exit_refused = 1,     ///< refused; of `run`: a task failed; `doctor`: something is wrong; `import`: not all went in
  exit_usage = 2,       ///< the command line or the request could not be understood
  exit_fault = 3,       ///< storage or system
  exit_port = 4,        ///< the port is in use
  exit_no_agent = 5,    ///< no agent to run tasks with
  exit_unfinished = 6,  ///< of `run`: stopped, or tasks are left that this run could not run
};

/// What `cobatch --help` says of them.
inline constexpr std::string_view exit_code_help =
    "Exit codes:\n"
    "  0  done\n"
    "  1  refused; of run: a task ended in error or was cancelled; of doctor: something is wrong;\n"
    "     of import: something was set aside or conflicts\n"
    "  2  the command line or the request could not be understood\n"
    "  3  a fault of storage or system\n"
    "  4  the port is in use\n"
    "  5  no agent to run tasks with\n"
    "  6  of run: stopped, or tasks are left that this run could not run\n";

/// `why`: as in `reply`.
[[nodiscard]] exit_code exit_code_of(const std::optional<errc>& why) noexcept;

// --------------------------------------------------------------------------------- what commands have in common

/// Error: bad_value (there is no folder of that name).
[[nodiscard]] result<void> check_root(const common_options& options);

/// Errors: those of `check_root` and of `workspace::open`.
[[nodiscard]] result<workspace> open_workspace(const common_options& options,
                                               int max_tasks_per_session = workspace_options{}.max_tasks_per_session);
/// For commands that look at what is there: makes none. Errors beyond those: bad_value (there is no workspace).
[[nodiscard]] result<workspace> open_existing(const common_options& options);

/// Reads a file, or standard input for "-". Errors: io_error, too_large.
[[nodiscard]] result<std::string> read_input(const std::string& file, std::size_t limit);

/// As JSON where it is some; what is none is left to the request, which says what is wrong with it.
[[nodiscard]] json::value json_or_text(const std::string& text);
/// That an argument of the command line is not UTF-8: bad_encoding.
[[nodiscard]] error not_utf8(std::string_view argument);
/// Of the parameters of an action, which the command line may have brought. Errors: bad_encoding.
[[nodiscard]] result<void> check_utf8(const json::object& params);

/// Prints a reply: as it is with `json`, else its sentences, with errors and warnings to standard error. Returns the
/// exit code.
int print_reply(request::object_reply answered, bool json);
/// Says what failed, in the form asked for, and returns its exit code.
int fail_with(const error& e, bool json);
/// The one value that a command prints with `json`.
void print_json(json::object fields);
void print_warnings(const std::vector<warning>& warnings);

/// "2 queued, 1 done"; "no tasks".
[[nodiscard]] std::string tally_text(const task_tally& tally);

}  // namespace cobatch::program
