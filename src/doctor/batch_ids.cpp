#include "doctor/batch_ids.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <cobatch/core/lint.hpp>

#include "doctor/checks.hpp"
#include "store/store.hpp"

namespace cobatch {

namespace {

// Older ones are over and done with.
constexpr std::chrono::hours looked_back{1};

// Those that were made together with another one; given in the order of their time.
std::vector<batch_record> close_together(const std::vector<batch_record>& batches) {
  std::vector<batch_record> close;
  const auto near = [&](std::size_t i) {
    return i > 0 && i < batches.size() && made_together(batches[i].created_at, batches[i - 1].created_at);
  };
  for (std::size_t i = 0; i < batches.size(); ++i)
    if (near(i) || near(i + 1)) close.push_back(batches[i]);
  return close;
}

// True if a session has worked it, or will. What was imported with its end, and what somebody does by hand, loads no
// context.
result<bool> is_for_sessions(store& storage, const batch_record& batch) {
  if (batch.tally[task_state::queued] > 0) return true;
  const auto sessions = storage.list_sessions({.batch = batch.id, .limit = 1});
  if (!sessions) return fail(sessions.error());
  return !sessions->empty();
}

}  // namespace

result<std::vector<batch_record>> single_batches(store& storage, timestamp from, timestamp to) {
  std::vector<batch_record> found;
  batch_filter filter;
  for (;;) {
    const auto page = storage.list_batches(filter);
    if (!page) return fail(page.error());
    for (const auto& batch : *page) {
      if (!has_one_task(batch) || batch.created_at < from || batch.created_at > to) continue;
      const auto counts = is_for_sessions(storage, batch);
      if (!counts) return fail(counts.error());
      if (*counts) found.push_back(batch);
    }
    if (page->size() < filter.limit) break;
    filter.after = page->back().id;
  }
  const auto by_time = [](const batch_record& a, const batch_record& b) { return a.created_at < b.created_at; };
  std::stable_sort(found.begin(), found.end(),
                   by_time);  // adopted batches are made at another time than they are put in
  return found;
}

void check_batch_ids(store& storage, timestamp now, findings& out) {
  const auto lately = single_batches(storage, now + -looked_back, now);
  if (!lately) return out.unknown("batch_ids", lately.error().message + ".");
  const auto close = close_together(*lately);
  const std::string id = make_batch_id(now).str();
  if (close.empty())
    return out.yes("batch_ids", fmt::format("No tasks were spread over batches of one in the last hour. Give all tasks "
                                            "of the next batch the same batch_id, such as {}.",
                                            id));
  out.no(
      "batch_ids",
      fmt::format("{} batches of one task each were assigned within a minute of another one, \"{}\" and \"{}\" among "
                  "them: each loads the context anew in a session of its own. If their tasks belong together, "
                  "cancel those still queued and assign them again with one batch_id, all but the last with --open.",
                  close.size(), close[0].id.str(), close[1].id.str()),
      out.command(fmt::format("assign TASK_ID DESCRIPTION --batch {} --open", id)));
}

}  // namespace cobatch
