#include "engine/session_folders.hpp"

#include <atomic>
#include <string>

#include "store/store.hpp"
#include "unit/engine/fixture.hpp"

using namespace cobatch_test;

namespace {

namespace fs = std::filesystem;

// A workspace with sessions that have ended, each with a folder, at a time that the test sets.
struct past {
  scratch_folder folder;
  std::atomic<std::int64_t> now_ms{1'800'000'000'000};  // the views are written by a thread that asks, too
  workspace place;

  past() : place(workspace::open({.root = folder.path(), .clock = [this] { return timestamp{now_ms}; }}).value()) {}

  [[nodiscard]] fs::path at(std::int64_t session) const { return session_folder(place.paths(), epoch{session}); }
  void session(bool ends = true) {
    const std::string id = std::to_string(++sessions_);
    assign(place, id, id, true);
    claim_request claim;
    claim.nonce = id;
    claim.serves = {{"a"}, "a"};
    claim.only = batch_id(id);
    const auto claimed = place.storage().claim(claim);
    REQUIRE(claimed);
    REQUIRE(claimed->session.id == epoch{sessions_});
    fs::create_directories(at(sessions_));
    std::ofstream(at(sessions_) / "1.out") << "said\n";
    if (ends) REQUIRE(place.storage().end_session(claimed->session.id, session_end::finished, ""));
  }
  // So many, of which the first `count` may go by their number.
  void sessions_beyond_those_kept(std::int64_t count) {
    while (sessions_ < count + static_cast<std::int64_t>(session_folders_kept)) session();
  }
  void later() { now_ms += std::chrono::milliseconds(session_folder_age).count() + 1; }
  [[nodiscard]] bool is_there(std::int64_t session) const { return fs::exists(at(session) / "1.out"); }

 private:
  std::int64_t sessions_ = 0;
};

}  // namespace

TEST_CASE("the folders of sessions that are long over go, but for the latest") {
  past p;
  p.sessions_beyond_those_kept(2);
  remove_old_session_folders(p.place);
  CHECK(p.is_there(1));
  p.later();
  remove_old_session_folders(p.place);
  CHECK_FALSE(fs::exists(p.at(1)));
  CHECK_FALSE(fs::exists(p.at(2)));
  for (std::int64_t session = 3; session <= 102; ++session) CHECK(p.is_there(session));
}

TEST_CASE("what the folder of a later session leads to stays as long as that does") {
  past p;
  p.sessions_beyond_those_kept(3);
  p.later();
  fs::create_directory_symlink(p.at(1), p.at(2) / "earlier");
  fs::create_directory_symlink(p.at(2), p.at(50) / "earlier");
  remove_old_session_folders(p.place);
  CHECK(p.is_there(1));
  CHECK(p.is_there(2));
  CHECK_FALSE(p.is_there(3));
  fs::remove_all(p.at(50));
  fs::remove_all(p.at(60));
  fs::create_directories(p.at(1000));
  fs::create_directories(p.at(1001));
  remove_old_session_folders(p.place);
  CHECK_FALSE(p.is_there(2));
  remove_old_session_folders(p.place);
  CHECK_FALSE(fs::exists(p.at(1)));
}

TEST_CASE("what is no folder of a session that has ended stays, and no link is followed") {
  past p;
  p.session(false);
  fs::remove_all(p.at(1));
  fs::create_directories(p.folder.path() / "elsewhere");
  std::ofstream(p.folder.path() / "elsewhere" / "1.out") << "precious\n";
  fs::create_directory_symlink(p.folder.path() / "elsewhere", p.at(1));
  REQUIRE(p.place.storage().end_session(epoch{1}, session_end::finished, ""));
  p.sessions_beyond_those_kept(2);
  fs::create_directory_symlink(p.folder.path() / "elsewhere", p.at(2) / "link");
  for (const char* name : {"007", "notes", "-3", "999999"}) fs::create_directories(p.place.paths().sessions / name);
  p.later();
  remove_old_session_folders(p.place);
  CHECK(p.is_there(1));
  CHECK_FALSE(fs::exists(p.at(2)));
  CHECK(fs::exists(p.folder.path() / "elsewhere" / "1.out"));
  for (const char* name : {"007", "notes", "-3", "999999"}) CHECK(fs::exists(p.place.paths().sessions / name));
}

TEST_CASE("a session that ends takes the folders with it that are long over") {
  past p;
  p.sessions_beyond_those_kept(1);
  p.later();
  assign_all(p.place, {"now"}, "now");
  const auto works = std::make_shared<function_agent>(
      [](const turn_request&, const std::stop_token&) { return turn_report{done()}; }, "b");
  for (int i = 1; i <= 101; ++i) REQUIRE(p.place.storage().cancel(task_id(std::to_string(i))));
  REQUIRE(run(p.place, {.agents = {works}}, {}, run_until::idle));
  CHECK_FALSE(fs::exists(p.at(1)));
  CHECK(p.is_there(3));
}
