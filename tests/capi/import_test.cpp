// The original's files are taken over: one of them has a line that cannot be read.
#include "capi/host.hpp"

using namespace cobatch_test;

namespace {

struct original {
  scratch_folder folder;
  std::string path = folder.path().native();

  original() {
    write("claude_task_queue.json", R"({"tasks":{
      "q1":{"status":"queued","description":"to do","created_at":"2025-11-07T21:45:00Z","batch_id":"docs"},
      "q2":{"status":"in_progress","description":"begun","created_at":"2025-11-07T21:46:00Z","batch_id":"docs"}}})");
    write("task_archive/results_2025-10.jsonl",
          "{\"task_id\":\"o1\",\"status\":\"done\",\"output\":\"done it\",\"completed_at\":\"2025-10-07T21:45:00Z\"}\n"
          "{\"task_id\":\"o2\",\"status\":\n"
          "{\"task_id\":\"o3\",\"status\":\"error\",\"completed_at\":\"2025-10-07T21:46:00Z\"}\n");
  }
  void write(const std::string& name, std::string_view content) const {
    std::filesystem::create_directories((folder.path() / name).parent_path());
    std::ofstream(folder.path() / name) << content;
  }
};

cobatch_import_info counts_in(cobatch_reply* reply) {
  auto counts = fresh<cobatch_import_info>();
  must(cobatch_reply_import, reply, &counts);
  return counts;
}

list findings_in(cobatch_reply* reply, std::int32_t kind) {
  list all;
  for (auto one = fresh<cobatch_import_finding_info>();
       call(cobatch_reply_next_import_finding, reply, &one) == COBATCH_OK;) {
    CHECK(one.message.size > 0);
    if (one.kind == kind) all.push_back(copy_of(one.file) + " " + copy_of(one.task));
  }
  return all;
}

const list unreadable_line{"task_archive/results_2025-10.jsonl "};

void check_counts(const cobatch_import_info& counts) {
  CHECK(counts.queued == 2);
  CHECK(counts.in_progress == 0);
  CHECK(counts.done == 1);
  CHECK(counts.error == 1);
  CHECK(counts.cancelled == 0);
  CHECK(counts.there_already == 0);
  CHECK(counts.incomplete == 1);
}

}  // namespace

TEST_CASE("an import puts in all that can be read, and says what cannot") {
  const original from;
  const scratch_workspace place;
  const auto reply = make<cobatch_reply>(cobatch_import, place.handle.get(), text(from.path));
  check_counts(counts_in(reply.get()));
  CHECK(findings_in(reply.get(), COBATCH_IMPORT_SET_ASIDE) == unreadable_line);
  CHECK(task_of(place, "q2")->state == COBATCH_TASK_QUEUED);
  CHECK(batch_of(place, "docs")->state == COBATCH_BATCH_OPEN);
  CHECK(copy_of(result_of(place, "o1")->output) == "done it");
}

TEST_CASE("an import may be repeated, and of what differs meanwhile it says so") {
  const original from;
  const scratch_workspace place;
  must(cobatch_import, place.handle.get(), text(from.path), nullptr);
  from.write("claude_task_queue.json",
             R"({"tasks":{"q1":{"status":"queued","description":"another thing","batch_id":"docs"}}})");
  const auto reply = make<cobatch_reply>(cobatch_import, place.handle.get(), text(from.path));
  const auto counts = counts_in(reply.get());
  CHECK(counts.queued + counts.done + counts.error == 0);
  CHECK(counts.there_already == 2);
  CHECK(findings_in(reply.get(), COBATCH_IMPORT_CONFLICT) == list{"claude_task_queue.json q1"});
  CHECK(copy_of(task_of(place, "q1")->description) == "to do");
}

TEST_CASE("a preview says what an import would do, and makes nothing") {
  const original from;
  const scratch_folder folder;
  const std::string root = folder.path().native();
  auto where = fresh<cobatch_workspace_options>();
  where.root = text(root);
  const auto reply = make<cobatch_reply>(cobatch_preview_import, &where, text(from.path));
  check_counts(counts_in(reply.get()));
  CHECK(findings_in(reply.get(), COBATCH_IMPORT_SET_ASIDE) == unreadable_line);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("an import from where there is nothing of the original is refused") {
  const scratch_workspace place;
  const scratch_folder empty;
  const std::string nothing = empty.path().native(), nowhere = (empty.path() / "none").native();
  for (const auto& folder : {nothing, nowhere}) {
    CHECK(call(cobatch_import, place.handle.get(), text(folder), nullptr) == COBATCH_E_BAD_VALUE);
    cobatch_reply* reply = nullptr;
    CHECK(call(cobatch_preview_import, nullptr, text(folder), &reply) == COBATCH_E_BAD_VALUE);
    CHECK(reply == nullptr);
  }
}

TEST_CASE("a reply of something else has no import and no findings") {
  const scratch_workspace place;
  const auto reply = make<cobatch_reply>(cobatch_overview, place.handle.get());
  auto counts = fresh<cobatch_import_info>();
  CHECK(call(cobatch_reply_import, reply.get(), &counts) == COBATCH_E_END);
  CHECK(findings_in(reply.get(), COBATCH_IMPORT_NOTE).empty());
}
