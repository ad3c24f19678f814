// The doctor, who needs no workspace that is open.
#include "capi/host.hpp"

using namespace cobatch_test;

namespace {

struct finding {
  std::string check;
  std::int32_t answer;
  std::string message, fix;
};

std::vector<finding> findings_in(cobatch_reply* reply) {
  return all_in(reply, cobatch_reply_next_finding, [](const cobatch_finding_info& found) {
    return finding{copy_of(found.check), found.answer, copy_of(found.message), copy_of(found.fix)};
  });
}

std::vector<finding> diagnose(const std::filesystem::path& root, std::string_view batch = {}) {
  auto options = fresh<cobatch_workspace_options>();
  options.root = text(root.native());
  return findings_in(make<cobatch_reply>(cobatch_diagnose, &options, text(batch)).get());
}

finding first_about(const std::vector<finding>& all, std::string_view check) {
  for (const auto& one : all)
    if (one.check == check) return one;
  FAIL("nothing was found about " << check);
  return {};
}

}  // namespace

TEST_CASE("the doctor finds a lock file of somebody else, and says what helps") {
  const scratch_workspace place;
  CHECK(first_about(diagnose(place.folder.path()), "lock_file").answer == COBATCH_ANSWER_YES);
  std::ofstream(place.data() / "execute_queue.lock") << "somebody";
  const auto found = first_about(diagnose(place.folder.path()), "lock_file");
  CHECK(found.answer == COBATCH_ANSWER_NO);
  CHECK(found.message.find("not one of Cobatch") != std::string::npos);
  CHECK(found.fix.find("cobatch unlock") != std::string::npos);
}

TEST_CASE("the doctor makes nothing where nothing is, and says of no engine that it cannot tell") {
  const scratch_folder folder;
  const auto found = diagnose(folder.path() / "project");
  CHECK(std::filesystem::is_empty(folder.path()));
  REQUIRE_FALSE(found.empty());
  const scratch_workspace place;
  CHECK(first_about(diagnose(place.folder.path()), "engine").answer == COBATCH_ANSWER_UNKNOWN);
}

TEST_CASE("the doctor looks at what came of the batch that is named, while the workspace is open and at work") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  host works([&](const cobatch_turn_request&, cobatch_turn* turn) {
    CHECK(first_about(diagnose(place.folder.path()), "engine").answer == COBATCH_ANSWER_YES);
    return complete(turn).status;
  });
  run_all(place, works.agent());
  const auto without = diagnose(place.folder.path()), with = diagnose(place.folder.path(), "b1");
  CHECK(with.size() > without.size());
  CHECK(first_about(diagnose(place.folder.path(), "none"), "batch").answer == COBATCH_ANSWER_NO);
}

TEST_CASE("a batch that cannot be one is refused by the doctor") {
  cobatch_reply* reply = nullptr;
  CHECK(call(cobatch_diagnose, nullptr, cobatch_str("a\nb"), &reply) == COBATCH_E_BAD_ID);
  CHECK(reply == nullptr);
}

TEST_CASE("the doctor looks at what runs tasks: the keeper is there") {
  const auto found = findings_in(make<cobatch_reply>(cobatch_diagnose_agents, nullptr).get());
  CHECK(first_about(found, "keeper").answer == COBATCH_ANSWER_YES);
}
