// Trouble with the files of a workspace, one kind after another.
#include <cstdlib>

#include "capi/host.hpp"

using namespace cobatch_test;

namespace {

answer reopen(const scratch_workspace& place) {
  auto options = fresh<cobatch_workspace_options>();
  const std::string root = place.folder.path().native();
  options.root = text(root);
  cobatch_workspace* again = nullptr;
  const auto came = call(cobatch_open, &options, &again);
  CHECK((again == nullptr) == (came.status != COBATCH_OK));
  cobatch_close(again);
  return came;
}

// A workspace that was used and closed.
struct closed_workspace : scratch_workspace {
  explicit closed_workspace(int tasks = 1) {
    list ids;
    for (int i = 0; i < tasks; ++i) ids.push_back(std::to_string(i));
    assign_all(*this, ids, "b1");
    handle.reset();
  }
  [[nodiscard]] std::filesystem::path store() const { return data() / ".cobatch/store.db"; }

  void overwrite(std::streamoff at, const std::string& bytes) const {
    std::fstream file(store(), std::ios::in | std::ios::out | std::ios::binary);
    REQUIRE(file.seekp(at).write(bytes.data(), static_cast<std::streamsize>(bytes.size())));
  }
};

// An operation that every command of a workspace that was moved away must refuse.
struct writing_call {
  std::string what;
  answer came;
};

std::vector<writing_call> write_in_all_ways(cobatch_workspace* place) {
  const auto task = spec("new");
  const cobatch_text batch = cobatch_str("b1"), id = cobatch_str("a"), none{nullptr, 0};
  cobatch_session* session = nullptr;
  return {{"assign_task", call(cobatch_assign_task, place, &task, nullptr, nullptr)},
          {"assign_batch", call(cobatch_assign_batch, place, &task, size_t{1}, nullptr, nullptr)},
          {"seal", call(cobatch_seal, place, batch, nullptr)},
          {"execute_queue", call(cobatch_execute_queue, place, none, nullptr)},
          {"cancel", call(cobatch_cancel, place, id, nullptr)},
          {"reset", call(cobatch_reset, place, id, nullptr)},
          {"retry", call(cobatch_retry, place, batch, nullptr)},
          {"session_begin", call(cobatch_session_begin, place, nullptr, &session)}};
}

}  // namespace

TEST_CASE("a store that is damaged, or none of Cobatch's, is refused and left as it is") {
  const closed_workspace place;
  const std::string garbage(8192, 'g');
  place.overwrite(0, garbage);
  const auto refused = reopen(place);
  CHECK(refused == COBATCH_E_STORE_DAMAGED);
  CHECK(refused.message.find("store.db") != std::string::npos);
  CHECK(content_of(place.store()).find(garbage) == 0);
}

TEST_CASE("damage that is met in the middle of a list is told, and is not its end") {
  const closed_workspace place(3000);
  const auto size = static_cast<std::size_t>(std::filesystem::file_size(place.store()));
  REQUIRE(size > 256 * 1024);
  const std::size_t first_pages = 192 * 1024;  // the schema, and the beginning of every table, stay whole
  place.overwrite(first_pages, std::string(size - first_pages, 'g'));
  const auto again = open_workspace(place.folder.path());
  const auto reply = make<cobatch_reply>(cobatch_list_tasks, again.get(), nullptr);
  auto task = fresh<cobatch_task_info>();
  answer came;
  do came = call(cobatch_reply_next_task, reply.get(), &task);
  while (came == COBATCH_OK);
  CHECK(came == COBATCH_E_STORE_DAMAGED);
  CHECK(call(cobatch_reply_next_task, reply.get(), &task) == COBATCH_E_STORE_DAMAGED);
}

TEST_CASE("a store that a later version has made is refused and not touched") {
  const closed_workspace place;
  place.overwrite(60, std::string("\0\0\0\x63", 4));  // SQLite's user_version, the number of the schema
  const std::string before = content_of(place.store());
  CHECK(reopen(place) == COBATCH_E_STORE_NEWER);
  CHECK(content_of(place.store()) == before);
}

TEST_CASE("a store that is a link is refused") {
  const closed_workspace place;
  const auto elsewhere = place.folder.path() / "elsewhere.db";
  SUBCASE("symbolic") {
    std::filesystem::rename(place.store(), elsewhere);
    std::filesystem::create_symlink(elsewhere, place.store());
  }
  SUBCASE("hard") { std::filesystem::create_hard_link(place.store(), elsewhere); }
  CHECK(reopen(place) == COBATCH_E_UNSAFE_FILE);
}

TEST_CASE("in a workspace that was moved away nothing is stored, and nothing is made anew") {
  const scratch_workspace place;
  assign(place, "a", "b1", COBATCH_ASSIGN_KEEP_OPEN);
  std::filesystem::rename(place.data(), place.folder.path() / "moved");
  for (const auto& [what, came] : write_in_all_ways(place)) {
    INFO(what);
    CHECK(came == COBATCH_E_WORKSPACE_REPLACED);
  }
  host works;
  const auto agent = works.agent();
  const run_with with(agent);
  CHECK(run(place, with.options) == COBATCH_E_WORKSPACE_REPLACED);
  CHECK_FALSE(std::filesystem::exists(place.data()));
}

TEST_CASE("a keeper that is not there ends sessions before their first turn, and the batch says how to mend it") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  ::setenv("COBATCH_KEEPER", "/nowhere/keeper", 1);
  const auto agent = make<cobatch_agent>(cobatch_agent_scripted, cobatch_text{nullptr, 0});
  const run_with with(agent);
  const auto ran = run(place, with.options);
  ::setenv("COBATCH_KEEPER", "/bin/true", 1);
  must(cobatch_execute_queue, place.handle.get(), cobatch_str("b1"), nullptr);
  const auto ran_anew = run(place, with.options);
  ::unsetenv("COBATCH_KEEPER");
  CHECK(ran == COBATCH_E_KEEPER_MISSING);
  CHECK(ran_anew == COBATCH_E_KEEPER_MISSING);
  CHECK(turn_ends(place).empty());
  CHECK(copy_of(batch_of(place, "b1")->hold_reason).find("COBATCH_KEEPER") != std::string::npos);
}
