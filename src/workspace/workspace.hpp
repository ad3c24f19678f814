// What a workspace holds, and what other rooms use of one beside <cobatch/workspace.hpp>.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <cobatch/core/batch.hpp>
#include <cobatch/core/error.hpp>
#include <cobatch/core/id.hpp>
#include <cobatch/prices.hpp>
#include <cobatch/store.hpp>
#include <cobatch/workspace.hpp>

#include "base/json.hpp"
#include "os/presence.hpp"
#include "store/store.hpp"
#include "views/views.hpp"
#include "workspace/layout.hpp"

namespace cobatch {

struct workspace::state {
  workspace_options options;
  layout where;
  std::unique_ptr<store> storage;
  std::unique_ptr<view_writer> views;  // after storage: it goes first
};

[[nodiscard]] error not_found(const task_id& task);
[[nodiscard]] error not_found(const batch_id& batch);

/// The batch, or batch_not_found.
[[nodiscard]] result<batch_record> batch_there(store& storage, const batch_id& batch);

/// Every turn that a filter matches, however many pages of the store they fill.
[[nodiscard]] result<std::vector<turn_record>> all_turns(store& storage, turn_filter filter);

/// When a wait for a batch is over: it has ended the round that was its present one when the wait began, or is gone.
[[nodiscard]] inline bool has_ended(const std::optional<batch_record>& now, std::int64_t round) noexcept {
  return !now || now->state == batch_state::finished || now->round > round;
}

/// Batches that wait to run while no live engine takes them: a warning `no_engine`, with what to do, for each of the
/// first ten.
[[nodiscard]] std::vector<warning> unserved(std::span<const batch_record> batches,
                                            const std::vector<live_engine>& engines);
/// The same, with the engines that are alive in a state folder.
[[nodiscard]] std::vector<warning> unserved(std::span<const batch_record> batches, const std::filesystem::path& state);

/// What `read_price_file` makes of the object in a file. What is wrong with an entry is in the table's faults.
[[nodiscard]] price_table read_prices(const json::object& prices);

}  // namespace cobatch
