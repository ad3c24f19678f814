#include <algorithm>
#include <cstring>
#include <grp.h>
#include <sys/stat.h>

#include "capi/host.hpp"

using namespace cobatch_test;

namespace {

answer open_at(std::string_view root) {
  auto options = fresh<cobatch_workspace_options>();
  options.root = text(root);
  cobatch_workspace* place = nullptr;
  const auto came = call(cobatch_open, &options, &place);
  CHECK((place == nullptr) == (came.status != COBATCH_OK));
  cobatch_close(place);
  return came;
}

}  // namespace

TEST_CASE("the version is that of the header, and every status has a name of its own") {
  CHECK(std::string(cobatch_version()) == COBATCH_VERSION);
  CHECK(cobatch_abi_version() == COBATCH_ABI_VERSION);
  list names;
  for (std::int32_t status = 0; status > -1000; --status) {
    REQUIRE(cobatch_status_name(status) != nullptr);
    names.emplace_back(cobatch_status_name(status));
  }
  CHECK(names[0] == "ok");
  CHECK(names[-COBATCH_E_TASK_EXISTS] == "task_exists");
  CHECK(names[-COBATCH_E_CALLBACK] == "callback");
  CHECK(std::string(cobatch_status_name(1)) == "unknown");
  names.erase(std::remove(names.begin(), names.end(), "unknown"), names.end());
  CHECK(names.size() == 53);
  std::sort(names.begin(), names.end());
  CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
}

TEST_CASE("cobatch_init zeroes a struct and sets its size, and leaves what has no room for the size alone") {
  unsigned char bytes[16];
  std::memset(bytes, 0xff, sizeof bytes);
  cobatch_init(bytes, 3);
  CHECK(bytes[0] == 0xff);
  cobatch_init(bytes, 12);
  const unsigned char expected[16] = {12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};
  CHECK(std::memcmp(bytes, expected, sizeof bytes) == 0);
}

TEST_CASE("two handles of one folder, opened by different paths, are one workspace") {
  const scratch_folder folder;
  std::filesystem::create_directory_symlink(folder.path(), folder.path() / "link");
  const auto one = open_workspace(folder.path());
  const auto two = open_workspace(folder.path() / "link");
  CHECK(copy_of(cobatch_root(one.get())) == std::filesystem::canonical(folder.path()).native());
  CHECK(copy_of(cobatch_root(two.get())) == copy_of(cobatch_root(one.get())));
  assign(one.get(), "a", "b1");
  CHECK(task_of(two.get(), "a")->state == COBATCH_TASK_QUEUED);
}

TEST_CASE("without options, and without a root, the current folder is opened") {
  const scratch_folder folder;
  CHECK(in_child([&]() -> std::string {
          if (::chdir(folder.path().c_str()) != 0) return "no such folder";
          const auto by_default = make<cobatch_workspace>(cobatch_open, nullptr);
          const auto options = fresh<cobatch_workspace_options>();
          const auto without_root = make<cobatch_workspace>(cobatch_open, &options);
          const auto root = std::filesystem::canonical(folder.path()).native();
          const bool both =
              copy_of(cobatch_root(by_default.get())) == root && copy_of(cobatch_root(without_root.get())) == root;
          return both ? "" : "another folder was opened";
        }) == "");
}

TEST_CASE("data/ is made for its owner only, and the store lies in the state folder if one is given") {
  const scratch_folder folder;
  const auto root = folder.path() / "project";
  const auto state = folder.path() / "elsewhere";
  std::filesystem::create_directory(root);
  auto options = fresh<cobatch_workspace_options>();
  options.root = text(root.native());
  options.state = text(state.native());
  const auto place = make<cobatch_workspace>(cobatch_open, &options);
  assign(place.get(), "a", "b1");
  struct stat data {};
  REQUIRE(::stat((root / "data").c_str(), &data) == 0);
  CHECK((data.st_mode & 0777) == 0700);
  CHECK_FALSE(std::filesystem::exists(root / "data/.cobatch"));
  CHECK_FALSE(std::filesystem::is_empty(state));
}

TEST_CASE("closing brings the JSON files up to date") {
  scratch_workspace place;
  assign(place, "a", "b1");
  place.handle.reset();
  CHECK(content_of(place.data() / "claude_task_queue.json").find("\"a\"") != std::string::npos);
}

TEST_CASE("a root that cannot be a project folder is refused and explained") {
  const scratch_folder folder;
  const auto file = folder.path() / "file";
  std::ofstream(file) << "no folder";
  CHECK(open_at((folder.path() / "missing").native()) == COBATCH_E_IO_ERROR);
  CHECK(open_at(file.native()) == COBATCH_E_IO_ERROR);
  CHECK(open_at(std::string_view("/tmp\0/etc", 9)) == COBATCH_E_BAD_VALUE);
  CHECK(open_at(std::string(10'000, 'x')) == COBATCH_E_IO_ERROR);
  CHECK(open_at("/proc") == COBATCH_E_IO_ERROR);
  auto options = fresh<cobatch_workspace_options>();
  options.max_tasks_per_session = -1;
  cobatch_workspace* place = nullptr;
  CHECK(call(cobatch_open, &options, &place) == COBATCH_E_BAD_VALUE);
  options = fresh<cobatch_workspace_options>();
  options.root = {nullptr, 3};
  CHECK(call(cobatch_open, &options, &place) == COBATCH_E_BAD_VALUE);
}

TEST_CASE("a folder in which nothing may be written is NOT_WRITABLE, and nothing is made in it") {
  const scratch_folder folder;
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0555));
  const std::string answered = in_child([&]() -> std::string {
    // To root everything is writable.
    if (::geteuid() == 0 && (::setgroups(0, nullptr) != 0 || ::setgid(65534) != 0 || ::setuid(65534) != 0))
      return "the rights of root could not be given up";
    auto options = fresh<cobatch_workspace_options>();
    options.root = text(folder.path().native());
    cobatch_workspace* place = nullptr;
    return cobatch_status_name(cobatch_open(&options, &place, nullptr));
  });
  CHECK(answered == "not_writable");
  note_reached(answered);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("handles may be freed in any order: each keeps what it needs") {
  enum kind { reply, paged, session, events, engine, kinds };
  std::vector<int> order{reply, paged, session, events, engine};
  int orders = 0;
  do {
    if (orders++ % 10 != 0) continue;
    INFO("the order that begins with ", order[0], order[1], order[2], order[3]);
    scratch_workspace place;
    assign_all(place, {"a", "b"}, "b1");
    assign_all(place, {"c"}, "b2", "engine");
    owned<cobatch_reply> replies[2]{make<cobatch_reply>(cobatch_overview, place.handle.get()),
                                    make<cobatch_reply>(cobatch_list_tasks, place.handle.get(), nullptr)};
    auto driven = make<cobatch_session>(cobatch_session_begin, place.handle.get(), nullptr);
    auto feed = make<cobatch_events>(cobatch_events_open, place.handle.get(), nullptr);
    host works;
    auto agent = works.agent("engine");
    const run_with with(agent);
    auto runs = make<cobatch_engine>(cobatch_engine_start, place.handle.get(), &with.options);
    agent.reset();
    place.handle.reset();

    for (const int freed : order) {
      // Each works until its turn has come.
      if (replies[reply]) CHECK(cobatch_reply_outcome(replies[reply].get()) == COBATCH_NO_OUTCOME);
      if (freed == paged) {
        const auto name = [](const cobatch_task_info& t) { return copy_of(t.id); };
        CHECK(all_in(replies[paged].get(), cobatch_reply_next_task, name) == list{"a", "b", "c"});
      }
      if (freed == session) {
        auto request = fresh<cobatch_turn_request>();
        must(cobatch_session_next, driven.get(), &request);
        CHECK(copy_of(request.task) == "a");
      }
      if (freed == events) {
        auto event = fresh<cobatch_event_info>();
        CHECK(call(cobatch_events_wait, feed.get(), -1, &event) == COBATCH_OK);
      }
      if (freed == engine) CHECK(call(cobatch_engine_stop, runs.get(), 1, nullptr) == COBATCH_OK);
      if (freed == reply || freed == paged) replies[freed].reset();
      if (freed == session) driven.reset();
      if (freed == events) feed.reset();
      if (freed == engine) runs.reset();
    }
    CHECK(works.calls().back() == "destroy");
  } while (std::next_permutation(order.begin(), order.end()));
}
