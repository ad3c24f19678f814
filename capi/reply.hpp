// What a call answers: records, kind by kind, each kind read from front to back.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <cobatch/prices.hpp>
#include <cobatch/workspace.hpp>

#include "boundary.hpp"
#include "place.hpp"
#include "records.hpp"

namespace cobatch::capi {

/// The records of one kind. Those of a list come page by page: an empty page is the end.
template <class Record>
class section {
 public:
  using page = std::vector<Record>;

  void put(Record record) { page_.push_back(std::move(record)); }
  void put_all(page records) { page_ = std::move(records); }
  void read_with(std::function<result<page>()> next_page) { next_page_ = std::move(next_page); }

  /// The next record, NULL after the last. It lives until the next call.
  [[nodiscard]] result<const Record*> next() {
    if (at_ == page_.size() && next_page_) {
      auto more = next_page_();
      if (!more) return fail(more.error());
      page_ = std::move(*more);
      at_ = 0;
    }
    return at_ < page_.size() ? &page_[at_++] : nullptr;
  }

 private:
  page page_;
  std::size_t at_ = 0;
  std::function<result<page>()> next_page_;
};

/// A task in a reply; `duplicate` in those to an assign.
struct listed_task {
  task_record task = {};
  bool duplicate = false;
};

/// An account of a batch; `task` is empty for that of all its turns, and for that of its preamble's.
struct listed_account {
  task_id task = {};
  std::int64_t position = 0;
  account sum = {};
  std::int64_t preamble_turns = 0;
  std::optional<account_cost> cost = {};  ///< absent: not known
};

}  // namespace cobatch::capi

struct cobatch_reply {
  cobatch::birthplace home;
  std::int32_t outcome = COBATCH_NO_OUTCOME;
  cobatch::capi::section<cobatch::batch_record> batches;
  cobatch::capi::section<cobatch::capi::listed_task> tasks;
  cobatch::capi::section<cobatch::result_record> results;
  cobatch::capi::section<cobatch::turn_record> turns;
  cobatch::capi::section<cobatch::session_record> sessions;
  cobatch::capi::section<cobatch::warning> warnings;
  cobatch::capi::section<std::string> engines;
  cobatch::capi::section<cobatch::capi::listed_account> accounts;
  cobatch::capi::section<cobatch::finding> findings;
  std::optional<cobatch::lock_report> lock;
  std::optional<cobatch::measured> compared;
  // Of the records that were given last:
  cobatch::capi::lent_budget batch_budget;
  cobatch::capi::lent_with_task with_task;
  cobatch::capi::lent_with_result with_result;
  cobatch::capi::lent_with_turn with_turn;
  cobatch::capi::lent_models account_models;
};

namespace cobatch::capi {

using reply_handle = std::unique_ptr<cobatch_reply>;

/// Makes a reply that `fill(reply)` fills, and gives it to the caller, who may not want it.
template <class Fill>
[[nodiscard]] verdict make_reply(cobatch_reply** reply, Fill&& fill) {
  auto made = std::make_unique<cobatch_reply>();
  const verdict v = fill(*made);
  if (!v.failed() && reply != nullptr) *reply = made.release();
  return v;
}

/// The body of a function that asks the workspace something: `ask(here, reply)` fills the reply.
template <class Ask>
cobatch_status ask_workspace(cobatch_workspace* workspace, cobatch_reply** reply, cobatch_error** err, Ask&& ask) {
  if (reply != nullptr) *reply = nullptr;
  return on_handle(workspace, "workspace", err, [&]() -> verdict {
    return make_reply(reply, [&](cobatch_reply& made) { return ask(workspace->at->here, made); });
  });
}

/// The body of a function that needs no workspace: `look(reply)` fills the reply, which the caller must want.
template <class Look>
cobatch_status look_without_workspace(cobatch_reply** reply, cobatch_error** err, Look&& look) {
  if (reply != nullptr) *reply = nullptr;
  return guarded(err, [&]() -> verdict {
    if (reply == nullptr) return null_argument("reply");
    return make_reply(reply, look);
  });
}

}  // namespace cobatch::capi
