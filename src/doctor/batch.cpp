// What came of a batch, as far as its record and its ids tell.
#include <string>

#include <fmt/format.h>

#include <cobatch/core/lint.hpp>

#include "base/text.hpp"
#include "doctor/batch_ids.hpp"
#include "doctor/checks.hpp"
#include "doctor/telemetry.hpp"
#include "os/programs.hpp"
#include "store/store.hpp"

namespace cobatch {

namespace {

std::int64_t ended_in(const task_tally& tally) {
  return tally[task_state::done] + tally[task_state::error] + tally[task_state::cancelled];
}

void check_ended(const batch_record& batch, findings& out) {
  const std::string name = fmt::format("Batch \"{}\"", batch.id.str());
  switch (batch.state) {
    case batch_state::finished:
      return out.yes("batch_ended", name + " has ended.");
    case batch_state::open:
      return out.no("batch_ended", name + " is still open: its last task has to come with auto_execute true.",
                    out.command("run " + shell_quoted(batch.id.str())));
    case batch_state::held:
      return out.no("batch_ended", fmt::format("{} has not ended: it is held. {}", name, batch.hold_reason));
    case batch_state::sealed:
    case batch_state::running:
    case batch_state::ending:
      break;
  }
  out.unknown("batch_ended",
              fmt::format("{} has not ended yet: it is {}, with {} of {} ended.", name, name_of(batch.state),
                          ended_in(batch.tally), counted(batch.tally.total(), "task")),
              out.command("status " + shell_quoted(batch.id.str())));
}

void check_done(const batch_record& batch, findings& out) {
  const std::int64_t all = batch.tally.total();
  const std::int64_t failed = batch.tally[task_state::error];
  const std::int64_t cancelled = batch.tally[task_state::cancelled];
  const std::string status = out.command("status " + shell_quoted(batch.id.str()));
  if (failed + cancelled > 0)
    return out.no("tasks_done",
                  fmt::format("Of {} {} ended in error and {} cancelled.", counted(all, "task"), failed, cancelled),
                  status);
  if (ended_in(batch.tally) < all)
    return out.unknown("tasks_done",
                       fmt::format("Of {} {} to be done still.", counted(all, "task"), all - ended_in(batch.tally)),
                       status);
  out.yes("tasks_done", fmt::format("Of {} all are done.", counted(all, "task")));
}

void check_auto_execute(const batch_record& batch, findings& out) {
  if (!batch.lingers || batch.tally.total() == 1)
    return out.yes("auto_execute", "auto_execute did not come too early.");
  out.no("auto_execute",
         "The first task came with auto_execute true, so the batch began before its other tasks were there. Those that "
         "came in time joined it; any other one, and all that came after the one prompt of a prompt agent, ran in a "
         "session after it, which loaded the context anew. Set it on the last task only.");
}

void check_alone(store& storage, const batch_record& batch, findings& out) {
  if (batch.tally.total() != 1) return out.yes("one_batch", "Its tasks have one batch_id.");
  const auto near = single_batches(storage, batch.created_at + -lint_window, batch.created_at + lint_window);
  if (!near) return out.unknown("one_batch", near.error().message + ".");
  for (const auto& other : *near)
    if (other.id != batch.id)
      return out.no("one_batch",
                    fmt::format("It has one task, as has batch \"{}\", assigned within a minute of it: each loaded the "
                                "context anew. Give tasks that belong together the same batch_id.",
                                other.id.str()));
  out.yes("one_batch", "It has one task, and no other was assigned near it.");
}

}  // namespace

void check_batch(store& storage, const batch_record& batch, findings& out) {
  check_ended(batch, out);
  check_done(batch, out);
  check_auto_execute(batch, out);
  check_alone(storage, batch, out);
  check_telemetry(storage, batch, out);
}

}  // namespace cobatch
