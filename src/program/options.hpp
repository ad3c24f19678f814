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
};

struct call_options {
  common_options common;
  std::string file = "-";
};

struct assign_options {
  common_options common;
  std::string task;
  std::string description;
  std::string file;
  std::string batch;
  std::string priority;
  std::string context;
  std::string agent;
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

}  // namespace cobatch::program
