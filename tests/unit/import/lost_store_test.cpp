// A store that is gone, though there was one: what the JSON views show of it is not lost with it.
#include <map>
#include <string_view>
#include <thread>

#include "import/import.hpp"
#include "store/store.hpp"
#include "unit/engine/fixture.hpp"
#include "workspace/layout.hpp"

using namespace cobatch_test;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view mark = ".outside-";
constexpr std::string_view views[] = {"claude_task_queue.json", "claude_task_results.json", "token_telemetry.json"};

std::vector<fs::path> files_set_aside(const fs::path& data) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(data))
    if (entry.path().filename().string().find(mark) != std::string::npos) found.push_back(entry.path());
  return found;
}

// A folder in which "a" was done and "b" is queued, and what its views show.
class used_folder {
 public:
  used_folder() {
    auto place = open_workspace(path());
    assign_all(place, {"a", "b"}, "batch");
    REQUIRE(place.mark_manually(task_id("a")));
    auto what = done("the answer");
    what.used = usage{{{"m", {.uncached_input = 100, .output = 7}}}, usage_source::told};
    REQUIRE(place.complete_called({{}, task_id("a"), what}));
    CHECK(place.refresh_views().empty());
    for (const auto view : views) shown[std::string(view)] = content_of(data() / view);
  }
  [[nodiscard]] fs::path path() const { return folder_.path(); }
  [[nodiscard]] fs::path data() const { return folder_.path() / "data"; }
  [[nodiscard]] fs::path state() const { return data() / ".cobatch"; }

  void remove_store() const {
    for (const char* name : {"store.db", "store.db-wal", "store.db-shm"}) fs::remove(state() / name);
  }
  void empty_store() const { fs::resize_file(state() / "store.db", 0); }

  // What was set aside of a view; the test fails unless it was once.
  [[nodiscard]] std::string kept(const std::string& view) const {
    std::vector<std::string> found;
    for (const auto& file : files_set_aside(data()))
      if (file.filename().string().starts_with(view)) found.push_back(content_of(file));
    REQUIRE(found.size() == 1);
    return found.front();
  }

  std::map<std::string, std::string> shown;

 private:
  scratch_folder folder_;
};

// Gives what was set aside the names of the views again.
void put_back(const fs::path& data) {
  for (const auto& file : files_set_aside(data)) fs::rename(file, file.string().substr(0, file.string().find(mark)));
}

// The sentence of the warning, if it is there.
std::string said_of_loss(const std::vector<warning>& warnings) {
  for (const auto& one : warnings)
    if (one.code == "store_lost") return one.message;
  return {};
}

std::string said_of_loss(workspace& place) {
  const auto status = place.status();
  REQUIRE(status);
  return said_of_loss(status->warnings);
}

}  // namespace

TEST_CASE("what the views show of a store that is lost is kept, told of until it is imported, and imported in full") {
  const used_folder f;
  SUBCASE("its file is gone") { f.remove_store(); }
  SUBCASE("its file is empty") { f.empty_store(); }
  CHECK(standing_of_store(f.state()) == store_standing::lost);
  {
    auto place = open_workspace(f.path());
    CHECK(place.tasks({})->empty());
    for (const auto& [view, text] : f.shown) CHECK(f.kept(view) == text);
    CHECK(said_of_loss(place).find("cobatch import " + f.data().string()) != std::string::npos);
    CHECK_FALSE(said_of_loss(assign(place, "c", "other", false).warnings).empty());
  }
  auto place = open_workspace(f.path());
  CHECK_FALSE(said_of_loss(place).empty());
  CHECK(files_set_aside(f.data()).size() == std::size(views));

  const auto report = import_original(place, f.data());
  REQUIRE(report);
  CHECK(report->complete());
  CHECK(task_of(place, "b").state == task_state::queued);
  const auto a = place.task(task_id("a"));
  REQUIRE(a);
  REQUIRE(a->result);
  CHECK(a->task.state == task_state::done);
  CHECK(a->result->what.output == "the answer");
  REQUIRE(a->result->what.used);
  CHECK(a->result->what.used->total().output == 7);
  CHECK(said_of_loss(place).empty());
}

TEST_CASE("an import can be the first to open a workspace whose store is lost, and a preview makes no store there") {
  const used_folder f;
  f.empty_store();
  const auto foreseen = preview_import({.root = f.path()}, f.data());
  REQUIRE(foreseen);
  CHECK(foreseen->put_in.total() == 2);
  CHECK(fs::file_size(f.state() / "store.db") == 0);
  CHECK(files_set_aside(f.data()).size() == 0);
  auto place = open_workspace(f.path());
  const auto report = import_original(place, f.data());
  REQUIRE(report);
  CHECK(report->put_in == foreseen->put_in);
}

TEST_CASE("a store that is lost twice leaves both kept, and both are imported") {
  const used_folder f;
  f.remove_store();
  assign(*std::make_unique<workspace>(open_workspace(f.path())), "c", "other", false);
  f.remove_store();
  auto place = open_workspace(f.path());
  CHECK(files_set_aside(f.data()).size() == 2 * std::size(views));
  const std::string said = said_of_loss(place);
  std::size_t named = 0;
  for (auto at = said.find(mark); at != said.npos; at = said.find(mark, at + 1)) ++named;
  CHECK_MESSAGE(named == 2 * std::size(views), said);
  REQUIRE(import_original(place, f.data()));
  CHECK(place.tasks({})->size() == 3);
}

TEST_CASE("an opening that ended before the store was made costs nothing, whatever is done until the next one") {
  const used_folder f;
  f.remove_store();
  const auto paths = find_paths({.root = f.path()});
  REQUIRE(paths);
  REQUIRE(save_views_of_lost_store(*paths, system_now()));
  SUBCASE("nothing is done") {}
  SUBCASE("the files are put back") { put_back(f.data()); }
  SUBCASE("the store was made, but no views, and the files are put back") {
    REQUIRE(store::open({f.state().string()}));
    put_back(f.data());
  }
  auto place = open_workspace(f.path());
  static_cast<void>(place.refresh_views());
  for (const auto& [view, text] : f.shown) CHECK(f.kept(view) == text);
  REQUIRE(import_original(place, f.data()));
  CHECK(place.tasks({})->size() == 2);
}

TEST_CASE("files that were kept and then removed are not told of any more") {
  const used_folder f;
  f.remove_store();
  auto place = open_workspace(f.path());
  for (const auto& file : files_set_aside(f.data())) fs::remove(file);
  CHECK(said_of_loss(place).empty());
}

TEST_CASE(
    "of several that open a workspace whose store is lost, one keeps the views, and none keeps those of another") {
  const used_folder f;
  f.remove_store();
  std::vector<std::thread> all;
  for (int i = 0; i < 4; ++i) all.emplace_back([&] { static_cast<void>(workspace::open({.root = f.path()})); });
  for (auto& one : all) one.join();
  for (const auto& [view, text] : f.shown) CHECK(f.kept(view) == text);
}

TEST_CASE("a workspace in which nothing was stored yet has lost nothing, whoever opens it at the same time") {
  const scratch_folder folder;
  fs::create_directories(folder.path() / "data/.cobatch/sessions");
  std::ofstream(folder.path() / "data/.cobatch/store.db");
  CHECK(standing_of_store(folder.path() / "data/.cobatch") == store_standing::none);
  std::vector<std::thread> all;
  for (int i = 0; i < 4; ++i)
    all.emplace_back([&] {
      auto place = workspace::open({.root = folder.path()});
      if (place) static_cast<void>(place->refresh_views());
    });
  for (auto& one : all) one.join();
  auto place = open_workspace(folder.path());
  CHECK(said_of_loss(place).empty());
  CHECK(files_set_aside(folder.path() / "data").size() == 0);
  CHECK(standing_of_store(folder.path() / "data/.cobatch") == store_standing::there);
}

TEST_CASE("files of the original system are no sign that there was a store") {
  const scratch_folder folder;
  fs::create_directory(folder.path() / "data");
  std::ofstream(folder.path() / "data/claude_task_queue.json") << R"({"tasks":{"a":{"description":"x"}}})";
  auto place = open_workspace(folder.path());
  static_cast<void>(place.refresh_views());
  CHECK(files_set_aside(folder.path() / "data").size() == 1);  // as what somebody else wrote
  CHECK(said_of_loss(place).empty());
}

TEST_CASE("a store of which only the log is left is not lost, and its views stay where they are") {
  const used_folder f;
  f.remove_store();
  std::ofstream(f.state() / "store.db-wal") << "changes";
  CHECK(standing_of_store(f.state()) == store_standing::there);
  const auto opened = workspace::open({.root = f.path()});
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == errc::store_damaged);
  for (const auto& [view, text] : f.shown) CHECK(content_of(f.data() / view) == text);
}

TEST_CASE("the folders of its sessions are enough to tell that there was a store") {
  const used_folder f;
  f.remove_store();
  fs::remove(f.state() / "views");
  CHECK(standing_of_store(f.state()) == store_standing::none);
  fs::create_directory(f.state() / "sessions/1");
  CHECK(standing_of_store(f.state()) == store_standing::lost);
}
