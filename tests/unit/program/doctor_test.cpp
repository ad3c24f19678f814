// What `doctor` finds, each thing provoked for real, and that it changes nothing by looking.
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sys/mount.h>

#include "os/guard.hpp"
#include "os/presence.hpp"
#include "program/commands.hpp"
#include "store/store.hpp"
#include "store/write_lock.hpp"
#include "unit/git.hpp"
#include "unit/program/stand_in.hpp"

namespace cobatch_test {

using namespace program;

namespace {

namespace fs = std::filesystem;
using std::chrono::minutes;

// A place for agent programs of the test's own, and no other agent, login or session about.
class surroundings {
 public:
  surroundings() {
    for (const char* variable :
         {"CLAUDECODE", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "ANTHROPIC_AUTH_TOKEN",
          "ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CONFIG_DIR"})
      set(variable, "");
    set("PATH", programs_.str());
    set("HOME", home_.str());
  }
  void set(const std::string& variable, const std::string& value) { environment_[variable] = value; }
  void install(const std::string& agent, const std::string& script) const {
    programs_.write(agent, "#!/bin/sh\n" + script + "\n", 0700);
  }
  [[nodiscard]] const folder& home() const { return home_; }
  [[nodiscard]] const std::map<std::string, std::string>& environment() const { return environment_; }

 private:
  folder programs_, home_;
  std::map<std::string, std::string> environment_;
};

ran doctor(const folder& f, std::vector<std::string> arguments = {}, const surroundings& around = {}) {
  arguments.insert(arguments.begin(), "doctor");
  arguments.insert(arguments.end(), {"--root", f.str()});
  return cobatch_run(arguments, {}, around.environment());
}

// What it says of one check; of several findings, the first that is not all right, or the first.
struct said {
  std::string answer, message, fix;
};
said of(const json::value& reply, std::string_view check) {
  said found;
  for (const auto& one : *reply.find("findings")->as_array()) {
    if (text_in(one, "check") != check) continue;
    const said next{text_in(one, "answer"), text_in(one, "message"), text_in(one, "fix")};
    if (found.answer.empty() || (found.answer == "yes" && next.answer != "yes")) found = next;
  }
  INFO(check);
  REQUIRE_FALSE(found.answer.empty());
  return found;
}
json::value findings(const folder& f, const std::string& batch = {}, const surroundings& around = {}) {
  std::vector<std::string> arguments{"--json"};
  if (!batch.empty()) arguments.insert(arguments.begin(), batch);
  const ran r = doctor(f, arguments, around);
  const json::value reply = r.json();
  CHECK(r.code == (text_in(reply, "status") == "success" ? exit_success : exit_refused));
  return reply;
}

void expect(const said& found, std::string_view answer, std::string_view part, std::string_view part_of_fix = {}) {
  CHECK_MESSAGE(found.answer == answer, found.message);
  CHECK_MESSAGE(found.message.find(part) != std::string::npos, found.message);
  if (!part_of_fix.empty()) CHECK_MESSAGE(found.fix.find(part_of_fix) != std::string::npos, found.fix);
}

void assign(const folder& f, const std::string& task, const std::string& batch, bool open = false) {
  std::vector<std::string> arguments{"assign", task, "x", "--batch", batch, "--root", f.str()};
  if (open) arguments.emplace_back("--open");
  REQUIRE(cobatch_run(arguments).code == exit_success);
}

// A batch "b" of the tasks "t1" to "tN", sealed by the last one.
void assign_batch(const folder& f, int tasks) {
  for (int i = 1; i <= tasks; ++i) assign(f, "t" + std::to_string(i), "b", i < tasks);
}

settlement used(const tokens& count, bool loaded_context) {
  settlement what{.end = turn_end::done, .loaded_context = loaded_context};
  what.used = usage{.by_model = {{"m", count}}};
  return what;
}

// Runs batch "b" with one turn a task, and ends its session.
void play(const folder& f, const std::vector<settlement>& turns) {
  assign_batch(f, static_cast<int>(turns.size()));
  workspace place = open(f);
  const session_record session = begin_session(place);
  for (const auto& turn : turns) play_turn(place, session, turn);
  REQUIRE(place.storage().end_session(session.id, session_end::finished, ""));
}

// Opens as if it were so much later, or, negative, earlier.
workspace open_at(const folder& f, minutes later) {
  auto place = workspace::open({.root = f.path(), .clock = [later] { return system_now() + later; }});
  REQUIRE(place);
  return std::move(*place);
}

void assign_at(const folder& f, const std::string& task, const std::string& batch, minutes later) {
  workspace place = open_at(f, later);
  REQUIRE(place.assign({.batch = batch_id(batch), .tasks = {{task_id(task), "x"}}, .seal = false}));
}

std::string database(const folder& f) { return f.str() + "/data/.cobatch/store.db"; }

void overwrite(const std::string& file, std::streamoff at, const std::string& bytes) {
  std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
  out.seekp(at);
  out << bytes;
  REQUIRE(out.flush());
}

// Does what a finding advises, as a user would.
int follow(const said& found) {
  const std::string path = fs::path(paths::program).parent_path().string() + ":/usr/bin:/bin";
  child shell({"/bin/sh", "-c", found.fix}, {{"PATH", path}});
  return shell.wait();
}

}  // namespace

TEST_CASE("files of Cobatch that git tracks are named, with a command that takes them out and keeps them") {
  const folder f;
  surroundings around;
  around.install("git", "exec /usr/bin/git \"$@\"");
  const auto says_something = [&] {
    return json::write(findings(f, {}, around)).find(R"("check":"git")") != std::string::npos;
  };
  assign(f, "t", "b", true);
  f.write("data/mine.json", "{}");
  f.write("data/execute_queue.lock", "somebody");
  CHECK_FALSE(says_something());
  git(f.path(), {"init", "--quiet"});
  commit_all(f.path(), "what git shows");
  CHECK_FALSE(says_something());
  git(f.path(), {"add", "--force", "data"});
  git(f.path(), {"commit", "--quiet", "--message", "all"});

  const auto found = of(findings(f, {}, around), "git");
  expect(found, "no", "execute_queue.lock", "rm -r --cached -- .cobatch claude_task_queue.json");
  CHECK(found.message.find("mine.json") == std::string::npos);
  CHECK(follow(found) == 0);
  CHECK_FALSE(says_something());
  CHECK(fs::exists(database(f)));
  CHECK(fs::exists(f.path() / "data/execute_queue.lock"));
  CHECK(all_of_git(f.path(), {"ls-files"}) == "data/.gitignore\ndata/mine.json\n");
}

TEST_CASE("in a folder without data/ the doctor finds nothing wrong, and makes nothing") {
  const folder f;
  const ran r = doctor(f);
  CHECK_MESSAGE(r.code == exit_success, r.out);
  CHECK(r.out.find("data is not there yet") != std::string::npos);
  CHECK(r.out.find("Nothing is wrong") != std::string::npos);
  CHECK(fs::is_empty(f.path()));
}

TEST_CASE("a project folder that is not there, or a file where data/ should be, is wrong") {
  const folder f;
  const ran missing = cobatch_run({"doctor", "--root", f.str() + "/none", "--json"});
  CHECK(missing.code == exit_refused);
  expect(of(missing.json(), "root"), "no", "/none");
  const auto file = f.write("data", "");
  const said found = of(findings(f), "data");
  expect(found, "no", "not a folder", "mv ");
  CHECK(follow(found) == 0);
  expect(of(findings(f), "data"), "yes", "not there yet");
}

TEST_CASE("a data/ that everybody may write in is wrong, and the advice closes it") {
  const folder f;
  assign(f, "t", "b");
  REQUIRE(::chmod((f.str() + "/data").c_str(), 0777) == 0);
  const said found = of(findings(f), "data");
  expect(found, "no", "0777", "chmod o-w");
  CHECK(follow(found) == 0);
  expect(of(findings(f), "data"), "yes", "0775");
}

TEST_CASE("a price file without an entry is wrong") {
  const folder f;
  const auto r = cobatch_run({"doctor", "--prices", f.write("prices.json", "{}"), "--root", f.str()});
  CHECK_MESSAGE(r.out.find("The price file has no entry that can be used.") != std::string::npos, r.out);
  CHECK(r.code == exit_refused);
}

TEST_CASE("a disk with little room is wrong") {
  const folder f;
  if (::mount("tmpfs", f.path().c_str(), "tmpfs", 0, "size=4m") != 0) {
    MESSAGE("SKIPPED: a small file system cannot be mounted here");
    return;
  }
  expect(of(findings(f), "disk_space"), "no", "disk_full", "df -h");
  CHECK(::umount(f.path().c_str()) == 0);
}

TEST_CASE("a batch that ran as the guide has it, and shared its context, has nothing wrong") {
  const folder f;
  const auto script = f.write("script.json", R"({"turns":[
    {"usage":{"input_tokens":5,"cache_creation_input_tokens":45000,"output_tokens":2000}},
    {"usage":{"input_tokens":5,"cache_read_input_tokens":45005,"output_tokens":1500}},
    {"usage":{"input_tokens":5,"cache_read_input_tokens":45010,"output_tokens":1800}}]})");
  assign_batch(f, 3);
  REQUIRE(cobatch_run({"run", "--agent", "scripted", "--script", script, "--root", f.str()}).code == exit_success);
  const json::value reply = findings(f, "b");
  CHECK_MESSAGE(text_in(reply, "status") == "success", json::write(reply));
  for (const char* check :
       {"batch_ended", "tasks_done", "auto_execute", "one_batch", "telemetry", "lock_file", "views"})
    expect(of(reply, check), "yes", "");
  expect(of(reply, "first_task"), "yes", "loaded 45K tokens");
  expect(of(reply, "context_shared"), "yes", "2 tasks after the first loaded 10 tokens and read 90K from the cache");
  CHECK(of(reply, "context_shared").message.find("scripted agent") != std::string::npos);
}

TEST_CASE("a lock file that is not ours is wrong, and the advice removes it") {
  const folder f;
  assign(f, "t", "b", true);
  const auto marker = f.write("data/execute_queue.lock", R"({"locked_at":"2025-11-07T20:00:00Z","batch_id":"other"})");
  const said found = of(findings(f), "lock_file");
  expect(found, "no", "not one of Cobatch", "cobatch unlock");
  CHECK(fs::exists(marker));
  CHECK(follow(found) == 0);
  expect(of(findings(f), "lock_file"), "yes", "no lock file");
}

TEST_CASE("of a folder in the lock file's place the advice removes it, or moves it if something is in it") {
  const folder f;
  assign(f, "t", "b", true);
  const fs::path marker = f.path() / "data/execute_queue.lock";
  fs::create_directory(marker);
  const said empty = of(findings(f), "lock_file");
  expect(empty, "no", "not one of Cobatch", "cobatch unlock");
  CHECK(follow(empty) == 0);
  CHECK_FALSE(fs::exists(marker));
  fs::create_directory(marker);
  f.write("data/execute_queue.lock/pid", "1");
  CHECK(cobatch_run({"unlock", "--root", f.str()}).err.find("left as it is") != std::string::npos);
  const said full = of(findings(f), "lock_file");
  expect(full, "no", "not one of Cobatch", "mv ");
  CHECK(follow(full) == 0);
  CHECK(content_of(f.path() / "data/execute_queue.lock.old/pid") == "1");
  expect(of(findings(f), "lock_file"), "yes", "no lock file");
}

TEST_CASE("what is advised can be copied to a shell, whatever the folder's name") {
  const folder f;
  const fs::path root = f.path() / "it's $(here)";
  fs::create_directories(root / "data");
  std::ofstream(root / "data/execute_queue.lock") << "x";
  const ran r = cobatch_run({"doctor", "--root", root.string(), "--json"});
  CHECK(follow(of(r.json(), "lock_file")) == 0);
  CHECK_FALSE(fs::exists(root / "data/execute_queue.lock"));
}

TEST_CASE("a lock file is found also where Cobatch has stored nothing yet") {
  const folder f;
  fs::create_directory(f.path() / "data");
  f.write("data/execute_queue.lock", "");
  expect(of(findings(f), "lock_file"), "no", "not one of Cobatch", "cobatch unlock");
}

TEST_CASE("while a session runs the doctor finds nothing wrong with its lock") {
  const folder f;
  assign_batch(f, 1);
  workspace place = open(f);
  auto held = guard::open(place.paths().state);
  REQUIRE(held);
  REQUIRE(*held->try_acquire());
  const session_record session = begin_session(place);
  const auto marker = write_lock_file(place.paths().marker, session.batch, session.started_at);
  REQUIRE(marker);
  const json::value reply = findings(f, "b");
  expect(of(reply, "lock_file"), "yes", "A session works batch \"b\"");
  expect(of(reply, "batch_ended"), "unknown", "it is running, with 0 of 1 task ended");
  CHECK(held->held());
}

TEST_CASE("a batch that was left open is wrong, one that was just begun is not") {
  const folder f;
  assign_at(f, "t", "old", -minutes{11});
  assign(f, "u", "new", true);
  const said found = of(findings(f), "left_open");
  expect(found, "no", "\"old\" is still open", "cobatch run old");
  CHECK(found.message.find("\"new\"") == std::string::npos);
  expect(of(findings(f, "new"), "batch_ended"), "no", "auto_execute true", "cobatch run new");
}

TEST_CASE("a held batch is wrong, why it is held is shown, and nothing in it drives the terminal") {
  const folder f;
  assign(f, "t", "b");
  {
    workspace place = open(f);
    const auto session = begin_session(place);
    REQUIRE(place.storage().end_session(session.id, session_end::blocked, "nobody is\x1b[2J logged in"));
  }
  const json::value reply = findings(f, "b");
  expect(of(reply, "held"), "no", "logged in", "cobatch run b");
  expect(of(reply, "batch_ended"), "no", "logged in");
  const ran r = doctor(f);
  CHECK(r.code == exit_refused);
  CHECK(r.out.find('\x1b') == std::string::npos);
  CHECK(r.out.find("\\x1b[2J logged in") != std::string::npos);
}

TEST_CASE("a sealed batch without an engine is wrong, until one of its agent runs") {
  const folder f;
  cobatch_run({"assign", "t", "x", "--batch", "b", "--agent", "codex", "--root", f.str()});
  const json::value reply = findings(f);
  expect(of(reply, "waiting"), "no", "Batch \"b\"", "cobatch engine --agent codex --root");
  expect(of(reply, "engine"), "unknown", "No engine", "cobatch engine");
  const auto engine = presence::announce(f.path() / "data/.cobatch", {"codex"});
  REQUIRE(engine);
  const json::value served = findings(f);
  expect(of(served, "waiting"), "yes", "");
  expect(of(served, "engine"), "yes", "codex");
}

TEST_CASE("of many batches with the same trouble ten are told, and how many more there are") {
  const folder f;
  {
    workspace place = open_at(f, -minutes{30});
    for (int i = 0; i < 13; ++i)
      REQUIRE(place.assign({.batch = batch_id("b" + std::to_string(i)),
                            .tasks = {{task_id("t" + std::to_string(i)), "x"}, {task_id("u" + std::to_string(i)), "x"}},
                            .seal = false}));
  }
  const ran r = doctor(f);
  CHECK(r.out.find("of 3 more batches") != std::string::npos);
  CHECK(r.out.find("11 things are wrong") != std::string::npos);
}

TEST_CASE("tasks with batch_ids of their own within a minute are wrong, apart, or in one batch, they are not") {
  const folder f;
  assign_at(f, "a", "first", -minutes{50});
  assign_at(f, "b", "second", -minutes{40});
  assign_at(f, "c", "both", -minutes{40});
  assign_at(f, "d", "both", -minutes{40});
  expect(of(findings(f), "batch_ids"), "yes", "batch_2");
  expect(of(findings(f, "second"), "one_batch"), "yes", "");
  assign(f, "e", "third");
  assign(f, "f", "fourth");
  const said found = of(findings(f), "batch_ids");
  expect(found, "no", "Batch \"fourth\" has one task, as has batch \"third\"",
         "assign TASK_ID DESCRIPTION --batch batch_2");
  expect(of(findings(f, "third"), "one_batch"), "no", "\"fourth\"");
  REQUIRE(open(f).cancel(task_id("e")));
  expect(of(findings(f), "batch_ids"), "yes", "");
}

TEST_CASE("batches of one task that were imported with its end, or are done by hand, are not said to load a context") {
  const folder f;
  workspace place = open(f);
  const auto adopt = [&](const char* task, task_state state) {
    adopted_task one;
    one.task.spec = {.id = task_id(task), .description = "x"};
    one.task.batch = batch_id(std::string("batch of ") + task);
    one.task.state = state;
    one.task.created_at = system_now();
    REQUIRE(place.adopt({one}));
  };
  adopt("a", task_state::done);
  adopt("b", task_state::error);
  assign(f, "c", "by hand");
  REQUIRE(place.mark_manually(task_id("c")));
  expect(of(findings(f), "batch_ids"), "yes", "batch_2");
  adopt("d", task_state::queued);
  expect(of(findings(f), "batch_ids"), "yes", "batch_2");
  adopt("e", task_state::queued);
  expect(of(findings(f), "batch_ids"), "no", "Batch \"batch of e\" has one task, as has batch \"batch of d\"");
}

TEST_CASE("a damaged store is wrong and is not touched, and the advice makes room for a new one") {
  const folder f;
  assign_batch(f, 3);
  // The second page, which is of a table: the file's header stays whole.
  overwrite(database(f), 4096, std::string(4096, '\xff'));
  const std::string before = content_of(database(f));
  const json::value reply = findings(f, "b");
  const said found = of(reply, "store");
  expect(found, "no", "damaged", "mv ");
  expect(of(reply, "batch"), "no", "nor a store that can be read");
  CHECK(content_of(database(f)) == before);
  CHECK(follow(found) == 0);
  CHECK(content_of(f.path() / "data/.cobatch/damaged/store.db") == before);
  const said next = of(findings(f), "store");
  expect(next, "no", "is gone", "cobatch import");
  CHECK(follow(next) == 0);
  expect(of(findings(f), "store"), "yes", "is sound");
  CHECK(open(f).tasks({})->size() == 3);
}

TEST_CASE("a store that is gone or empty though there was one is wrong, none is made, and the advice saves the tasks") {
  const folder f;
  assign_batch(f, 2);
  bool is_there = false;
  SUBCASE("gone") { fs::remove(database(f)); }
  SUBCASE("empty") {
    fs::resize_file(database(f), 0);
    is_there = true;
  }
  const json::value reply = findings(f);
  CHECK(text_in(reply, "status") == "error");
  const said found = of(reply, "store");
  expect(found, "no", is_there ? "is empty, though there was a store" : "is gone, though there was a store");
  CHECK(fs::exists(database(f)) == is_there);
  if (is_there) CHECK(fs::file_size(database(f)) == 0);
  CHECK(follow(found) == 0);
  CHECK(open(f).tasks({})->size() == 2);
  expect(of(findings(f), "store"), "yes", "is sound");
}

TEST_CASE("tasks that a store was lost with are wrong as long as they are not imported, and the advice imports them") {
  const folder f;
  assign_batch(f, 2);
  fs::remove(database(f));
  const ran status = cobatch_run({"status", "--root", f.str()});
  CHECK(status.code == exit_success);
  CHECK_MESSAGE(status.err.find("store_lost") != std::string::npos, status.err);
  const said found = of(findings(f), "store");
  expect(found, "no", ".outside-", "cobatch import");
  CHECK(follow(found) == 0);
  CHECK(open(f).tasks({})->size() == 2);
  expect(of(findings(f), "store"), "yes", "is sound");
}

TEST_CASE("an empty store where nothing was stored yet is not wrong, and stays empty") {
  const folder f;
  fs::create_directories(f.path() / "data/.cobatch");
  f.write("data/.cobatch/store.db", "");
  expect(of(findings(f), "store"), "yes", "Nothing is stored here yet");
  CHECK(fs::file_size(database(f)) == 0);
}

TEST_CASE("what is on a file system that is mounted read-only is wrong, and the advice is no change of modes") {
  const folder f;
  if (::mount("tmpfs", f.path().c_str(), "tmpfs", 0, "size=4m") != 0) {
    MESSAGE("SKIPPED: a file system cannot be mounted here");
    return;
  }
  assign(f, "t", "b");
  REQUIRE(::mount("tmpfs", f.path().c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, "size=4m") == 0);
  const json::value reply = findings(f);
  expect(of(reply, "data"), "no", "mounted read-only", "mount -o remount,rw");
  expect(of(reply, "store"), "no", "Could not open", "mount -o remount,rw");
  CHECK(of(reply, "store").message.find("copy elsewhere") != std::string::npos);
  CHECK(::umount(f.path().c_str()) == 0);
}

TEST_CASE("a file that is no database is wrong and is not touched") {
  const folder f;
  assign(f, "t", "b");
  overwrite(database(f), 0, "no database at all");
  const std::string before = content_of(database(f));
  expect(of(findings(f), "store"), "no", "store.db", "mv ");
  CHECK(content_of(database(f)) == before);
}

TEST_CASE("after the disk failed to write the store, the doctor verifies it and lets it go on") {
  const folder f;
  assign(f, "t", "b");
  {
    const auto lock = write_lock::open(f.path() / "data/.cobatch");
    REQUIRE(lock);
    const auto held = (*lock)->acquire();
    REQUIRE(held);
    (*lock)->poison();
  }
  CHECK(cobatch_run({"assign", "u", "x", "--root", f.str()}).code == exit_fault);
  expect(of(findings(f), "store"), "yes", "goes on");
  CHECK(cobatch_run({"assign", "u", "x", "--root", f.str()}).code == exit_success);
  CHECK(of(findings(f), "store").message.find("goes on") == std::string::npos);
}

TEST_CASE("a clock that was set back behind what is stored is wrong") {
  const folder f;
  assign_at(f, "t", "b", minutes{90});
  expect(of(findings(f), "clock"), "no", "set back");
}

TEST_CASE("a JSON view that somebody else wrote is wrong, the doctor leaves it, and the advice keeps it aside") {
  const folder f;
  assign(f, "t", "b", true);
  f.write("data/claude_task_queue.json", "{\"mine\":1}");
  const said found = of(findings(f), "views");
  expect(found, "no", "claude_task_queue.json", "cobatch status");
  CHECK(content_of(f.path() / "data/claude_task_queue.json") == "{\"mine\":1}");
  CHECK(follow(found) == 0);
  expect(of(findings(f), "views"), "yes", "");
}

TEST_CASE("JSON views that are behind the store are told, and not written") {
  const folder f;
  assign(f, "t", "b", true);
  const std::string before = content_of(f.path() / "data/claude_task_queue.json");
  {
    const auto storage = store::open({.directory = f.str() + "/data/.cobatch"});
    REQUIRE(storage);
    REQUIRE((*storage)->cancel(task_id("t")));
  }
  expect(of(findings(f), "views"), "unknown", "latest changes", "cobatch status");
  CHECK(content_of(f.path() / "data/claude_task_queue.json") == before);
}

TEST_CASE("the doctor is told of a batch that is not there, and of an id that is none") {
  const folder f;
  assign(f, "t", "b", true);
  const ran r = doctor(f, {"c"});
  CHECK(r.code == exit_refused);
  CHECK(r.out.find("There is no batch \"c\" here") != std::string::npos);
  CHECK(doctor(f, {std::string(200, 'x')}).code == exit_usage);
}

TEST_CASE("tasks that failed or were cancelled, and tasks that are still to come, are told of their batch") {
  const folder f;
  assign_batch(f, 3);
  {
    workspace place = open(f);
    const session_record session = begin_session(place);
    play_turn(place, session, {.end = turn_end::done});
    expect(of(findings(f, "b"), "tasks_done"), "unknown", "Of 3 tasks 2 to be done still", "cobatch status b");
    play_turn(place, session, {.end = turn_end::error});
  }
  expect(of(findings(f, "b"), "tasks_done"), "no", "Of 3 tasks 1 ended in error", "cobatch status b");
}

TEST_CASE("a task that did not say what it used is named") {
  const folder f;
  play(f, {used({.uncached_input = 100, .output = 1}, true), {.end = turn_end::done, .loaded_context = false}});
  expect(of(findings(f, "b"), "telemetry"), "no", "\"t2\"", "cobatch savings b");
  expect(of(findings(f, "b"), "context_shared"), "unknown", "one conversation");
}

TEST_CASE("a first task with 0 input tokens is wrong, unless all of the context was in the cache already") {
  const tokens nothing{.output = 10}, cached{.cache_read = 45'000, .output = 10};
  const folder unseen;
  play(unseen, {used(nothing, true), used(nothing, false)});
  expect(of(findings(unseen, "b"), "first_task"), "no", "0 input tokens");
  const folder warm;
  play(warm, {used(cached, true), used(cached, false)});
  expect(of(findings(warm, "b"), "first_task"), "yes", "45K tokens, in its cache");
}

TEST_CASE("what a preamble loaded counts for the first task") {
  const folder f;
  cobatch_run({"assign", "t", "x", "--batch", "b", "--preamble", "All of it.", "--root", f.str()});
  {
    workspace place = open(f);
    const session_record session = begin_session(place);
    play_turn(place, session, used({.uncached_input = 45'000}, true), turn_of::preamble);
    play_turn(place, session, used({.cache_read = 45'000, .output = 1}, false));
  }
  expect(of(findings(f, "b"), "first_task"), "yes", "loaded 45K tokens");
}

TEST_CASE("a later task that loaded the context anew is wrong, and so is a cache that was not read") {
  const tokens load{.uncached_input = 1000}, read{.cache_read = 1000};
  const folder anew;
  play(anew, {used(load, true), used(read, false), used(load, true)});
  expect(of(findings(anew, "b"), "context_shared"), "no", "Of 2 tasks after the first 1 loaded", "cobatch savings b");
  const folder unread;
  play(unread, {used(load, true), used(load, false)});
  expect(of(findings(unread, "b"), "context_shared"), "no", "cache did not serve");
}

TEST_CASE("of told figures that are silent about the cache the doctor does not say what it served") {
  settlement told = used({.uncached_input = 1000}, false);
  told.used->source = usage_source::told;
  const folder f;
  play(f, {used({.uncached_input = 1000}, true), used({.cache_read = 1000}, false), told});
  expect(of(findings(f, "b"), "context_shared"), "unknown", "nobody said");
}

TEST_CASE("tasks that were asked to be separate are not missed in one conversation") {
  const folder f;
  cobatch_run({"assign", "t", "x", "--batch", "b", "--open", "--way", "separate", "--root", f.str()});
  assign(f, "u", "b");
  {
    workspace place = open(f);
    const session_record session = begin_session(place);
    for (int i = 0; i < 2; ++i) play_turn(place, session, used({.uncached_input = 1000}, true));
  }
  expect(of(findings(f, "b"), "context_shared"), "yes", "separate");
}

TEST_CASE("the doctor says in the words of the warning what a call has warned of, or would") {
  const folder f;
  const auto warned = [&](const std::string& task, const std::string& code) {
    const auto reply = cobatch_run({"assign", task, "x", "--batch", "of " + task, "--json", "--root", f.str()}).json();
    for (const auto& one : *reply.find("warnings")->as_array())
      if (text_in(one, "code") == code) return text_in(one, "message");
    return std::string();
  };
  const auto too_early = warned("t", "auto_execute_too_early"), no_engine = warned("u", "no_engine");
  const auto own_ids = warned("v", "different_batch_ids");
  assign(f, "w", "of t");
  expect(of(findings(f, "of t"), "auto_execute"), "no", too_early);
  expect(of(findings(f), "waiting"), "no", no_engine.substr(no_engine.find(" is stored")));
  expect(of(findings(f, "of v"), "one_batch"), "no", own_ids);
  for (const auto& text : {too_early, no_engine, own_ids}) CHECK_FALSE(text.empty());
}

TEST_CASE("a task that a person has in progress is told, and needs no tokens when it is done") {
  const folder f;
  assign(f, "t", "b");
  workspace place = open(f);
  REQUIRE(place.mark_manually(task_id("t")));
  const said found = of(findings(f), "by_hand");
  expect(found, "unknown", "\"t\" is in progress by hand", "cobatch call reset_task task_id=t");
  CHECK(found.message.find("`cobatch call log_task_completion task_id=t status=done ") != std::string::npos);
  CHECK(follow(found) == 0);
  REQUIRE(place.mark_manually(task_id("t")));
  REQUIRE(place.complete_called({.task = task_id("t"), .what = {.end = turn_end::done}}));
  const json::value reply = findings(f, "b");
  expect(of(reply, "tasks_done"), "yes", "");
  expect(of(reply, "telemetry"), "unknown", "No task");
}

TEST_CASE("agents that are there are named with their version, one that does not start is wrong") {
  const folder f;
  surroundings around;
  expect(of(findings(f, {}, around), "agent"), "unknown", "claude, codex, gemini", "npm install");
  around.install("claude", "echo '9.8.7 (Claude Code)'; echo more");
  const json::value one = findings(f, {}, around);
  const ran text = doctor(f, {}, around);
  CHECK(text.out.find("9.8.7 (Claude Code).\n") != std::string::npos);
  CHECK(text.out.find("Not in PATH: codex, gemini") != std::string::npos);
  CHECK(text.code == exit_success);
  around.install("gemini", "echo 'node is too old' >&2; exit 3");
  expect(of(findings(f, {}, around), "agent"), "no", "exit code 3: node is too old", "@google/gemini-cli");
}

TEST_CASE("that no agent is installed is nothing to see to while an engine runs with its own") {
  const folder f;
  cobatch_run({"assign", "t", "x", "--root", f.str()});
  const auto engine = presence::announce(f.path() / "data/.cobatch", {"command"});
  REQUIRE(engine);
  const said found = of(findings(f), "agent");
  expect(found, "yes", "Not in PATH: claude, codex, gemini");
  CHECK(found.message.find("An engine runs, with: command.") != std::string::npos);
}

TEST_CASE("which credential pays is named as far as it shows, and no secret is printed") {
  const folder f;
  surroundings around;
  around.install("claude", "echo 1");
  expect(of(findings(f, {}, around), "credential"), "unknown", "the first task will tell");
  fs::create_directory(around.home().path() / ".claude");
  around.home().write(".claude/.credentials.json", R"({"token":"sk-file-secret"})");
  expect(of(findings(f, {}, around), "credential"), "yes", "/.claude/.credentials.json");
  around.set("ANTHROPIC_API_KEY", "sk-key-secret");
  expect(of(findings(f, {}, around), "credential"), "yes", "ANTHROPIC_API_KEY");
  for (const auto& arguments : {std::vector<std::string>{}, {"--json"}})
    CHECK(doctor(f, arguments, around).out.find("secret") == std::string::npos);
}

TEST_CASE("inside a Claude Code session the doctor says so, and that it does no harm") {
  const folder f;
  surroundings around;
  expect(of(findings(f, {}, around), "nested_session"), "yes", "does not run inside");
  around.set("CLAUDECODE", "1");
  expect(of(findings(f, {}, around), "nested_session"), "yes", "CLAUDECODE is set");
  // The agent that it starts does not see it.
  around.install("claude", "echo \"nested:${CLAUDECODE-no}\"");
  expect(of(findings(f, {}, around), "agent"), "yes", "nested:no");
}

TEST_CASE("a keeper that is not there is wrong") {
  const folder f;
  surroundings around;
  around.set("COBATCH_KEEPER", f.str() + "/none");
  expect(of(findings(f, {}, around), "keeper"), "no", "/none", "COBATCH_KEEPER=");
  around.set("COBATCH_KEEPER", "/bin/true");
  expect(of(findings(f, {}, around), "keeper"), "no", "/bin/true is not this version's cobatch-keeper",
         "COBATCH_KEEPER=");
}

TEST_CASE("the doctor says which versions run") {
  const folder f;
  expect(of(findings(f), "version"), "yes", "SQLite 3.");
  CHECK(of(findings(f), "version").message.find("Cobatch " + std::string(version())) == 0);
}

}  // namespace cobatch_test
