// Which agent runs tasks: the one named, else claude if it is there, else none. Never the scripted one by itself.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <cobatch/agent.hpp>
#include <cobatch/core/error.hpp>
#include <cobatch/engine.hpp>

#include "program/options.hpp"

namespace cobatch::program {

struct chosen_agent {
  std::shared_ptr<agent> driver;   ///< null: none was named, and claude is not there
  std::vector<std::string> about;  ///< for people: which one it is and what it may do
};

/// Errors: bad_value (options that do not go together), agent_missing (its program is not there).
[[nodiscard]] result<chosen_agent> choose_agent(const agent_options& options);

/// How to choose one, for those who have none.
[[nodiscard]] std::string how_to_choose_an_agent();

/// Errors: those of reading the price file.
[[nodiscard]] result<engine_options> engine_options_of(const agent_options& options, const chosen_agent& chosen,
                                                       std::stop_token hurry);

}  // namespace cobatch::program
