// How commands talk: one JSON value with --json, sentences otherwise; errors to standard error.
#pragma once

#include <string_view>
#include <vector>

#include <cobatch/core/error.hpp>
#include <cobatch/protocol.hpp>
#include <cobatch/workspace.hpp>

#include "base/json.hpp"
#include "program/options.hpp"

namespace cobatch::program {

/// Says what failed, in the form asked for, and returns its exit code.
int fail_with(const error& e, bool json);

/// Error: bad_value (there is no folder of that name).
[[nodiscard]] result<void> check_root(const common_options& options);

/// Errors: those of `check_root` and of `workspace::open`.
[[nodiscard]] result<workspace> open_workspace(const common_options& options, int max_tasks_per_session);
[[nodiscard]] result<workspace> open_workspace(const common_options& options);
/// For commands that look at what is there: makes none. Errors beyond those: bad_value (there is no workspace).
[[nodiscard]] result<workspace> open_existing(const common_options& options);

/// That an argument of the command line is not UTF-8: bad_encoding.
[[nodiscard]] error not_utf8(std::string_view argument);

/// The request of an action, as JSON. Errors: bad_encoding (a text among the parameters is not UTF-8).
[[nodiscard]] result<std::string> request_text(std::string_view action, json::object params);

/// Sends a request of the table of actions through the protocol.
[[nodiscard]] reply ask(workspace& place, std::string_view action, json::object params);

/// Prints a reply: as it is with `json`, else its sentences. Returns the exit code.
int print_reply(const reply& answered, bool json);

void print_warnings(const std::vector<warning>& warnings);

/// "2 queued, 1 done"; "no tasks".
[[nodiscard]] std::string tally_text(const task_tally& tally);

/// Reads a file, or standard input for "-". Errors: io_error, too_large.
[[nodiscard]] result<std::string> read_input(const std::string& file, std::size_t limit);

}  // namespace cobatch::program
