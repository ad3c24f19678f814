#include "import/import.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/text.hpp"
#include "import/original.hpp"
#include "store/settling.hpp"
#include "store/store.hpp"
#include "views/record_json.hpp"
#include "views/view_files.hpp"
#include "workspace/layout.hpp"

namespace cobatch {

namespace {

namespace fs = std::filesystem;
using kind = import_finding::kind;

// A transaction each.
constexpr std::size_t tasks_put_in_at_once = 500;

using put_fn = std::function<result<std::vector<adopt_outcome>>(std::vector<adopted_task>)>;

// What Cobatch wrote last for this workspace. Those of another one are read like any other files, and so are those of a
// store that is lost, as they are copies no more.
view_note own_views(const fs::path& state) {
  return standing_of_store(state) == store_standing::lost ? view_note{} : glance_at_note(state);
}

// True if a line that Cobatch wrote tells of a task that is in the store, or of a turn that is: then its task has been
// deleted, and stays so. False where the store was lost, and this line was not.
result<bool> is_copy(store& from, const original_entry& line) {
  const auto id = task_id::parse(line.task);
  if (!id) return false;
  const auto there = from.find_task(*id);
  if (!there) return fail(there.error());
  if (*there) return true;
  const auto session = json::number_of(line.content, "session"), turn = json::number_of(line.content, "turn");
  if (!session || !turn || *session <= 0 || *turn <= 0) return false;
  const turn_filter wanted{
      .session = epoch{*session}, .after_session = epoch{*session}, .after_turn = turn_no{*turn - 1}, .limit = 1};
  const auto turns = from.list_turns(wanted);
  if (!turns) return fail(turns.error());
  return !turns->empty() && turns->front().turn == turn_no{*turn} && turns->front().task == *id;
}

// Takes out the lines of the workspace's own archive that are copies of what its store has, or had.
result<void> leave_out_copies(std::vector<original_entry>& results, store& from,
                              std::vector<import_finding>& findings) {
  std::vector<original_entry> kept;
  std::map<std::string, std::int64_t> copies;  // how many, by their file
  for (auto& entry : results) {
    const auto copy = entry.archived && is_own_result(entry.content) ? is_copy(from, entry) : false;
    if (!copy) return fail(copy.error());
    if (*copy)
      ++copies[entry.file];
    else
      kept.push_back(std::move(entry));
  }
  results = std::move(kept);
  for (const auto& [file, count] : copies)
    findings.push_back({kind::note,
                        file,
                        {},
                        fmt::format("has {} written by Cobatch, as copies of what it stores; they were skipped.",
                                    counted(count, "line"))});
  return {};
}

bool is_same_folder(const fs::path& a, const fs::path& b) {
  std::error_code unseen;
  return fs::equivalent(a, b, unseen);
}

// The entries of each task, in the order in which the tasks first appear.
class by_task {
 public:
  by_task(const original_files& from, std::vector<import_finding>& findings) : findings_(findings) {
    for (const auto& entry : from.results)
      if (auto* task = task_of(entry)) add_result(*task, entry);
    for (const auto& entry : from.tasks)
      if (auto* task = task_of(entry)) add_task(*task, entry);
    for (const auto& entry : from.telemetry)
      if (auto* task = task_of(entry)) task->telemetry.push_back(&entry);
  }
  [[nodiscard]] const std::vector<original_task>& all() const { return all_; }

 private:
  original_task* task_of(const original_entry& entry) {
    const auto [at, is_new] = where_.try_emplace(entry.task, all_.size());
    if (!is_new) return at->second < all_.size() ? &all_[at->second] : nullptr;
    auto id = task_id::parse(entry.task);
    if (id) return &all_.emplace_back(original_task{.id = std::move(*id)});
    at->second = no_task;
    findings_.push_back({kind::set_aside, entry.file, entry.task, id.error().message + "; it was not put in."});
    return nullptr;
  }

  // The same one stands in the archive and among the latest.
  static void add_result(original_task& task, const original_entry& entry) {
    for (const original_entry* other : task.results)
      if (other->content == entry.content) return;
    task.results.push_back(&entry);
  }

  void add_task(original_task& task, const original_entry& entry) {
    if (task.task == nullptr)
      task.task = &entry;
    else if (task.task->file == entry.file)
      take_last(task, entry);
    else if (const auto* other = entry.content.find("description"); other != nullptr && !has_description(task, *other))
      findings_.push_back(
          {kind::conflict, entry.file, entry.task,
           fmt::format("has another description in {}, which is later; that one counts.", task.task->file)});
  }

  // As in an object, in which the last of a name counts.
  void take_last(original_task& task, const original_entry& entry) {
    if (task.task->content != entry.content)
      findings_.push_back({kind::set_aside, entry.file, entry.task,
                           "stands there more than once. The last one counts; what stands before it was not put in."});
    task.task = &entry;
  }

  static bool has_description(const original_task& task, const json::value& wanted) {
    const json::value* there = task.task->content.find("description");
    return there != nullptr && *there == wanted;
  }

  static constexpr std::size_t no_task = static_cast<std::size_t>(-1);
  std::vector<import_finding>& findings_;
  std::unordered_map<std::string_view, std::size_t> where_;
  std::vector<original_task> all_;
};

class importing {
 public:
  importing(const put_fn& put, timestamp now, import_report& report) : put_(put), now_(now), report_(report) {}

  result<void> run(const std::vector<original_task>& all) {
    for (const auto& original : all) {
      take(original);
      if (waiting_.size() < tasks_put_in_at_once) continue;
      if (auto done = put_waiting(); !done) return done;
    }
    if (auto done = put_waiting(); !done) return done;
    if (local_times_) say(kind::note, {}, {}, "Times without a zone were taken as local times of this machine.");
    say_of_all(
        created_unread_,
        "the created_at cannot be read; here it is when they were begun or ended, or the time of the import where "
        "that is not known");
    say_of_all(priority_unread_, "the priority is not one that is known; here it is medium");
    return {};
  }

 private:
  // Of what many tasks may have the same to say.
  struct tasks_alike {
    std::int64_t count = 0;
    std::string first = {};
    void add(const std::string& task) {
      if (count++ == 0) first = task;
    }
  };

  struct waiting_task {
    std::string file;
    taken_task taken;
  };

  void take(const original_task& original) {
    if (original.task == nullptr && original.results.empty())
      return say(kind::note, original.telemetry.front()->file, original.id.str(),
                 "stands in no other file, so what it used was not put in.");
    const std::string& file = (original.task != nullptr ? original.task : original.results.back())->file;
    auto taken = take_over(original, now_);
    if (taken)
      waiting_.push_back({file, std::move(*taken)});
    else
      say(kind::set_aside, file, original.id.str(), taken.error().message + "; it was not put in.");
  }

  result<void> put_waiting() {
    if (waiting_.empty()) return {};
    std::vector<adopted_task> tasks;
    for (const auto& one : waiting_) tasks.push_back(one.taken.as);
    const auto outcomes = put_(std::move(tasks));
    if (!outcomes)
      return fail(outcomes.error().code,
                  outcomes.error().message + ". What was put in before that stays; import again to go on");
    for (std::size_t i = 0; i < waiting_.size(); ++i) account(waiting_[i], (*outcomes)[i]);
    waiting_.clear();
    return {};
  }

  void account(const waiting_task& one, const adopt_outcome& outcome) {
    const task_record& there = outcome.task;
    const std::string& id = one.taken.as.task.spec.id.str();
    switch (outcome.what) {
      case adopt_outcome::kind::adopted:
        ++report_.put_in[there.state];
        local_times_ = local_times_ || one.taken.local_times;
        if (one.taken.created_unread) created_unread_.add(id);
        if (one.taken.priority_unread) priority_unread_.add(id);
        if (!one.taken.note.empty()) say(kind::note, one.file, id, one.taken.note);
        return;
      case adopt_outcome::kind::duplicate:
        ++report_.there_already;
        if (has_ended_only_there(one.taken, there.state))
          say(kind::conflict, one.file, id,
              fmt::format(
                  "is {} there, and {} here since an earlier import; here nothing was changed. To take over how "
                  "it ended, delete the task here (delete_task) and import again.",
                  name_of(one.taken.as.task.state), name_of(there.state)));
        return;
      case adopt_outcome::kind::conflict:
        return say(kind::conflict, one.file, id,
                   fmt::format("is here already, in batch {}, with another description; that one stays, and this one "
                               "was not put in.",
                               there.batch.str()));
      case adopt_outcome::kind::refused:
        return say(kind::set_aside, one.file, id,
                   fmt::format("batch {} is full ({}); it was not put in.", there.batch.str(), name_of(outcome.code)));
    }
  }

  // Not so if it was reset here, or is as it was taken over; blocked tasks are cancelled then.
  static bool has_ended_only_there(const taken_task& taken, task_state here) {
    const task_state wanted = taken.as.task.state;
    if (!has_ended(wanted) || taken.blocked) return false;
    return !has_ended(here) || (here == task_state::cancelled && wanted != task_state::cancelled);
  }

  void say_of_all(const tasks_alike& those, std::string_view what) {
    if (those.count == 0) return;
    const auto first = those.count == 1 ? those.first : fmt::format("the first is {}", those.first);
    say(kind::note, {}, {}, fmt::format("Of {} ({}) {}.", counted(those.count, "task"), first, what));
  }

  void say(kind what, std::string file, std::string task, std::string message) {
    report_.findings.push_back({what, std::move(file), std::move(task), std::move(message)});
  }

  const put_fn& put_;
  const timestamp now_;
  import_report& report_;
  std::vector<waiting_task> waiting_;
  bool local_times_ = false;
  tasks_alike created_unread_;
  tasks_alike priority_unread_;
};

result<import_report> import_from(const fs::path& folder, const workspace_paths& to, store& storage, timestamp now,
                                  const put_fn& put) {
  import_report report;
  auto files = read_original(folder, own_views(to.state), report.findings);
  if (!files) return fail(files.error());
  if (is_same_folder(folder, to.data)) {
    if (auto done = leave_out_copies(files->results, storage, report.findings); !done) return fail(done.error());
  } else {
    for (auto& entry : files->results) entry.archived = false;
  }
  const by_task tasks(*files, report.findings);
  if (auto done = importing(put, now, report).run(tasks.all()); !done) return fail(done.error());
  return report;
}

// What `adopt` would answer.
adopt_outcome foreseen(const std::optional<task_record>& there, const adopted_task& wanted) {
  if (!there) return {adopt_outcome::kind::adopted, errc::internal, wanted.task};
  return adopt_again(*there, wanted.task);
}

result<std::unique_ptr<store>> store_to_look_at(const workspace_paths& paths, const clock_fn& clock) {
  if (standing_of_store(paths.state) != store_standing::there) return store::open({":memory:", clock});
  return store::open({paths.state.string(), clock});
}

}  // namespace

result<import_report> import_original(workspace& place, const fs::path& folder) {
  // What stands in the place of the views gets its lasting name before it is looked for.
  const auto set_aside = place.refresh_views();
  const put_fn put = [&](std::vector<adopted_task> tasks) { return place.adopt(std::move(tasks)); };
  auto report = import_from(folder, place.paths(), place.storage(), place.now(), put);
  if (!report) return report;
  for (const auto& w : set_aside) report->findings.push_back({kind::note, {}, {}, w.message});
  keep_copies(folder, place.paths().data, report->findings);
  if (report->complete() && is_same_folder(folder, place.paths().data)) forget_lost_store(place.paths());
  return report;
}

result<import_report> preview_import(const workspace_options& place, const fs::path& folder) {
  const auto paths = find_paths(place);
  if (!paths) return fail(paths.error());
  const auto storage = store_to_look_at(*paths, place.clock);
  if (!storage) return fail(storage.error());
  const put_fn foresee = [&](const auto& tasks) -> result<std::vector<adopt_outcome>> {
    std::vector<adopt_outcome> outcomes;
    for (const auto& task : tasks) {
      const auto there = (*storage)->find_task(task.task.spec.id);
      if (!there) return fail(there.error());
      outcomes.push_back(foreseen(*there, task));
    }
    return outcomes;
  };
  return import_from(folder, *paths, **storage, place.clock(), foresee);
}

}  // namespace cobatch
