// Parts that several replies share, where a reply's names differ from the views' (views/record_json.hpp).
#pragma once

#include <string>

#include <cobatch/core/batch.hpp>
#include <cobatch/core/task.hpp>

#include "base/json.hpp"

namespace cobatch {
namespace request {

/// "is running", "was cut off": for messages.
[[nodiscard]] std::string standing_text(const batch_record& batch, bool cut_off);
/// A task in a list: short, without description and output.
[[nodiscard]] json::object task_line(const task_record& task);
/// "3 of 5 tasks have ended (2 done, 1 error)": for messages.
[[nodiscard]] std::string progress_text(const task_tally& tally);

}  // namespace request
}  // namespace cobatch
