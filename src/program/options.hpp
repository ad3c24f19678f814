// What the command line asks for, a struct a command.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <cobatch/engine.hpp>
#include <cobatch/workspace.hpp>

namespace cobatch::program {

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
  std::filesystem::path working_directory;
  std::vector<std::string> allowed_tools;  ///< beside those that claude gets anyway
  std::string model;
  bool codex_exec = false;      ///< not by its app-server
  std::string permission_mode;  ///< claude's permission mode, codex's sandbox, gemini's approval mode; empty: ours
  std::string system_prompt;
  std::filesystem::path mcp_config;
  int max_turns = 0;
  std::vector<std::string> agent_arguments;
  bool allow_checks = false;
  bool show_prompts = false;
  double quiet_seconds = 300;
  double idle_seconds = 0;  ///< 0: no limit
  double limit_wait_seconds = 30;
  std::filesystem::path prices;
  double day_usd = 0, day_minutes = 0;  ///< 0: no cap
  std::int64_t day_tokens = 0;
  std::string day_unknown = "hold";
  double turn_limit_seconds = 1800;
  double linger_seconds = 5;
  int max_tasks_per_session = 10;
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

/// Numbers are kept as they were written: whoever takes the request reads them.
struct assign_options {
  common_options common;
  std::string task;
  std::string description;
  std::string file;
  std::string batch;
  std::string priority;
  std::string context;
  std::vector<std::string> needs;
  std::string check_program;
  std::vector<std::string> check_arguments;
  std::string model;  ///< of the task; with a file, of the batch
  std::vector<std::string> tools;
  std::string time_limit_seconds;
  std::string agent;
  std::string way;
  std::string on_error;
  std::string budget_usd;
  std::string budget_tokens;
  std::string budget_minutes;
  std::string budget_unknown;
  std::string preamble;
  std::vector<std::string> context_files;
  bool open = false;
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

}  // namespace cobatch::program
