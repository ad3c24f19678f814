// The check of a task: a program that says whether the task is really done, after the agent said so.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include <cobatch/core/session.hpp>

namespace cobatch {

/// Of what a check wrote, the end that is kept in `settlement::detail`: bytes of UTF-8.
inline constexpr std::size_t check_output_bytes = 2000;

/// Runs `check` (see task_spec; without a shell) in `folder` if the turn ended `done`, and says what the turn came to
/// then: the same if the check exits with 0. Otherwise `error` with the reason "check_failed"; that is so too if it
/// cannot be started, or has not ended within `limit` (it is ended then). With a stop the check is ended, and the
/// settlement is `stopped` with the reason "check_interrupted", so that the task is done again. What the agent answered
/// and used is kept in any case.
[[nodiscard]] settlement apply_check(settlement what, const std::vector<std::string>& check,
                                     const std::filesystem::path& folder, std::chrono::milliseconds limit,
                                     std::stop_token stop);

}  // namespace cobatch
