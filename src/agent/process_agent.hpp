// Drives any agent that is a program: keeper, pipes and files here, the program's language in its dialect.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <cobatch/agent.hpp>

#include "agent/dialect.hpp"

namespace cobatch {
inline namespace v1 {

struct process_agent_options {
  std::string name;
  std::function<result<std::vector<std::string>>()> argv;  ///< asked at each start
  std::function<std::unique_ptr<dialect>()> make_dialect;  ///< a fresh one for each process
  std::chrono::milliseconds grace{5000};                   ///< between SIGTERM and SIGKILL
};

[[nodiscard]] std::shared_ptr<agent> make_process_agent(process_agent_options options);

}  // namespace v1
}  // namespace cobatch
