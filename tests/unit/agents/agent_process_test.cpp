// The command agent against real child processes that misbehave.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <sys/mount.h>
#include <sys/stat.h>
#include <thread>

#include <doctest/doctest.h>

#include <cobatch/agent.hpp>

#include "paths.hpp"
#include "unit/engine/fixture.hpp"

using namespace cobatch;
using namespace cobatch_test;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::milliseconds long_enough = 60s;

// The script in the place of a real agent's program.
std::string program_of(const std::filesystem::path& folder, const std::string& script) {
  const auto program = folder / "agent";
  std::ofstream(program) << "#!/bin/sh\n" << script << '\n';
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  return program.string();
}

// One session with `sh -c SCRIPT`, which sees each task as a line on its input.
struct shell_session {
  scratch_folder folder;
  std::shared_ptr<agent> runs;
  std::unique_ptr<agent_session> session;
  std::vector<std::string> progress, notices;

  explicit shell_session(const std::string& script)
      : runs(make_command_agent({.argv = {"sh", "-c", script}, .grace = 200ms})) {
    start(1);
  }
  struct as_gemini {};
  shell_session(as_gemini, const std::string& script, std::int64_t process)
      : runs(make_gemini_agent({.program = program_of(folder.path(), script), .grace = 200ms})) {
    start(process);
  }
  void start(std::int64_t process) { start(process, folder.path()); }
  void start(std::int64_t process, const std::filesystem::path& to) {
    session_start how;
    how.process = process;
    how.working_directory = folder.path();
    how.folder = to;
    how.on_event = [this](const event& news) {
      if (news.what == event::kind::progress) progress.emplace_back(news.text);
      if (news.what == event::kind::notice) notices.emplace_back(news.text);
    };
    auto started = runs->start(how);
    REQUIRE_MESSAGE(started, started.error().message);
    session = std::move(*started);
  }
  turn_report turn(const std::string& task, std::chrono::milliseconds limit = long_enough, std::stop_token stop = {}) {
    turn_request request;
    request.turn = turn_no{1};
    request.task = task_id(task);
    return session->run_turn(request, limit, stop);
  }
};

const std::string answer_a = R"(printf '{"type":"result","task_id":"a","status":"done","output":"yes"}\n'; )";

}  // namespace

TEST_CASE("a program answers task after task in one process, and ends when its input ends") {
  shell_session s(
      R"(n=0; while read -r line; do n=$((n+1)); )"
      R"(printf '{"type":"result","task_id":"a","status":"done","output":"%s"}\n' "$n"; done; touch ended)");
  CHECK(s.turn("a").what.output == "1");
  CHECK(s.turn("a").what.output == "2");
  s.session->finish();
  CHECK(std::filesystem::exists(s.folder.path() / "ended"));
}

TEST_CASE("progress lines and noise are passed on and end nothing") {
  shell_session s(R"(read -r line; echo hello; echo '{"type":"progress","percent":5}'; )" + answer_a + "read -r line");
  const auto report = s.turn("a");
  CHECK(report.what.end == turn_end::done);
  CHECK(s.progress == std::vector<std::string>{"hello", R"({"type":"progress","percent":5})"});
}

TEST_CASE("an early exit breaks the turn and says the exit code and what the program complained of") {
  shell_session s("read -r line; echo half the work; echo 'out of luck' >&2; exit 3");
  const auto report = s.turn("a");
  CHECK(report.what.end == turn_end::broke);
  CHECK(report.what.reason == "agent_ended");
  CHECK(report.what.detail.find("exit code 3") != std::string::npos);
  CHECK(report.what.detail.find("out of luck") != std::string::npos);
  CHECK(report.what.output == "half the work\n");
  CHECK_FALSE(report.usable);
}

TEST_CASE("a turn that broke says where the output is, and the last line of it that is for people") {
  const auto detail_of = [](const std::string& script) {
    shell_session s("read -r line; " + script);
    const std::string detail = s.turn("a").what.detail;
    CHECK(detail.find("its output is in " + (s.folder.path() / "1.out").string()) != std::string::npos);
    return detail.substr(std::min(detail.find(", and ends with "), detail.size()));
  };
  CHECK(detail_of("echo 'Execution error'") == R"(, and ends with "Execution error")");
  CHECK(detail_of("printf 'one\ntwo\nExecution error'") == R"(, and ends with "Execution error")");
  CHECK(detail_of(R"(printf 'a\033[2Jb\tc\r\n\n')") == R"(, and ends with "a [2Jb c")");
  CHECK(detail_of(R"(printf 'a\377b\n')") ==
        ", and ends with \"a\xEF\xBF\xBD"
        "b\"");
  CHECK(detail_of(R"(echo text; echo '{"type":"progress"}')").empty());
  CHECK(detail_of(R"(echo text; printf '{"type":"result","task')").empty());
  const std::string first_200 = R"(, and ends with ")" + std::string(200, 'x') + "\xE2\x80\xA6\"";
  CHECK(detail_of("printf '%01000d\n' 0 | tr 0 x") == first_200);
  // A line of which not even the beginning is read may be anything.
  CHECK(detail_of("printf '%03000d\n' 0 | tr 0 x").empty());
}

TEST_CASE("a turn that broke without a word names no output") {
  CHECK(shell_session("read -r line; exit 3").turn("a").what.detail ==
        "the agent ended with exit code 3 before the task was answered");
}

TEST_CASE("a scripted agent whose answer is lost on a full disk ends with an error, and waits for nothing") {
  shell_session s("exec '" + paths::scripted + "' >/dev/full");
  const auto report = s.turn("a");
  CHECK(report.what.end == turn_end::broke);
  CHECK(report.what.reason == "agent_ended");
  CHECK_MESSAGE(report.what.detail.find("exit code 1") != std::string::npos, report.what.detail);
  CHECK_MESSAGE(report.what.detail.find("cannot write its output: No space left") != std::string::npos,
                report.what.detail);
}

TEST_CASE("a turn that broke on a full disk says that the disk is full, which its program could write down nowhere") {
  shell_session s("echo $$; read -r line; exit 1");
  const scratch_folder small;
  if (::mount("tmpfs", small.path().c_str(), "tmpfs", 0, "size=1m") != 0) {
    MESSAGE("SKIPPED: a small file system cannot be mounted here");
    return;
  }
  s.start(1, small.path());
  std::ofstream(small.path() / "filler") << std::string(2'000'000, 'x');
  const auto report = s.turn("a");
  CHECK(report.what.end == turn_end::broke);
  CHECK_MESSAGE(report.what.detail.find("has 0 KiB left") != std::string::npos, report.what.detail);
  s.session.reset();
  CHECK(::umount(small.path().c_str()) == 0);
}

TEST_CASE("a program that never worked holds the batch with what it complained of, and breaks no task") {
  using as_gemini = shell_session::as_gemini;
  const std::string complains = "cat >/dev/null; echo 'no such option: --bad' >&2; ";
  const auto report = shell_session(as_gemini{}, complains + "exit 2", 1).turn("a");
  CHECK(report.blocked);
  CHECK(report.what.end == turn_end::stopped);
  CHECK(report.what.detail.find("exit code 2") != std::string::npos);
  CHECK(report.what.detail.find("no such option: --bad") != std::string::npos);
  // One that has said something, has ended well, or follows another process of its session has worked before.
  CHECK_FALSE(shell_session(as_gemini{}, complains + "echo hello; exit 2", 1).turn("a").blocked);
  CHECK_FALSE(shell_session(as_gemini{}, complains + "printf hello; exit 2", 1).turn("a").blocked);
  CHECK_FALSE(shell_session(as_gemini{}, complains + "exit 0", 1).turn("a").blocked);
  CHECK_FALSE(shell_session(as_gemini{}, complains + "exit 2", 2).turn("a").blocked);
}

TEST_CASE("a program that a signal ends is told from one that cannot work, before its first word, too") {
  for (const auto* const script : {"read task; exit 143", "read task; kill -TERM $$"}) {
    CAPTURE(script);
    const auto report = shell_session(shell_session::as_gemini{}, script, 1).turn("a");
    CHECK(report.killed);
    CHECK(report.what.end == turn_end::broke);
    CHECK_FALSE(report.blocked);
  }
}

TEST_CASE("an answer that was written just before the exit counts") {
  shell_session s("read -r line; " + answer_a + "exit 1");
  CHECK(s.turn("a").what.end == turn_end::done);
}

TEST_CASE("a program that ends between two tasks, without a word on the second, breaks neither") {
  shell_session s("read -r line; " + answer_a + "exit 0");
  CHECK(s.turn("a").what.end == turn_end::done);
  const auto second = s.turn("a");
  CHECK(second.what.end == turn_end::stopped);
  CHECK(second.what.reason == "agent_ended");
  CHECK_FALSE(second.usable);
}

TEST_CASE("a program that reads no more is not waited for until the limit") {
  shell_session s("exec 0<&-; touch closed; sleep 0.5; exit 4");
  while (!std::filesystem::exists(s.folder.path() / "closed")) std::this_thread::yield();
  const auto report = s.turn("a", 1ms);
  CHECK(report.what.end == turn_end::broke);
  CHECK(report.what.detail.find("exit code 4") != std::string::npos);
}

TEST_CASE("silence beyond the limit ends the turn and the program, whatever it ignores") {
  shell_session s("trap '' TERM; read -r line; while :; do read -r line || sleep 1000; done");
  const auto report = s.turn("a", 50ms);
  CHECK(report.what.end == turn_end::timed_out);
  CHECK(report.what.reason == "timed_out");
  CHECK_FALSE(report.usable);
}

TEST_CASE("an interruption ends the turn at once") {
  shell_session s("echo started; read -r line; sleep 1000");
  std::stop_source stop;
  std::jthread interrupter([&] { stop.request_stop(); });
  const auto report = s.turn("a", long_enough, stop.get_token());
  CHECK(report.what.end == turn_end::stopped);
}

TEST_CASE("a line over the limit, or not in UTF-8, in the middle of a turn does not cost its answer, and is noticed") {
  shell_session s(
      "read -r line; printf '\\377\\n'; head -c 9000000 /dev/zero | tr '\\0' x; echo;"
      R"(echo '{"type":"result","task_id":"a","status":"done","output":"fine"}'; sleep 1000)");
  const auto report = s.turn("a");
  CHECK(report.what.end == turn_end::done);
  CHECK(report.what.output == "fine");
  REQUIRE(s.notices.size() == 2);
  CHECK(s.notices[0].find("not valid UTF-8") != std::string::npos);
  CHECK(s.notices[1].find("longer than 8 MiB") != std::string::npos);
  CHECK(s.notices[1].find("1.out") != std::string::npos);
}

TEST_CASE("an answer over the limit ends the turn at once with that reason, and keeps what was said before") {
  shell_session s(R"(read -r line; echo before; printf '{"type":"result","task_id":"a","status":"done","output":"')"
                  "; head -c 9000000 /dev/zero | tr '\\0' x; echo '\"}'; sleep 1000");
  const auto report = s.turn("a");
  CHECK(report.what.end == turn_end::broke);
  CHECK(report.what.reason == "unreadable_answer");
  CHECK(report.what.detail.find("longer than 8 MiB") != std::string::npos);
  CHECK(report.what.output.starts_with("before\n"));
}

TEST_CASE("a task larger than a pipe reaches a program that reads slowly") {
  shell_session s(
      R"(read -r line; printf '{"type":"result","task_id":"a","status":"done","output":"%s"}\n' "${#line}"; )"
      "read -r line");
  turn_request request;
  request.task = task_id("a");
  request.description = std::string(2'000'000, 'x');
  const auto report = s.session->run_turn(request, long_enough, {});
  CHECK(report.what.end == turn_end::done);
  CHECK(std::stoll(report.what.output) > 2'000'000);
}

TEST_CASE("a program that is missing is said, and nothing is started") {
  const scratch_folder folder;
  const auto runs = make_command_agent({.argv = {"no-such-program-of-cobatch"}});
  session_start how;
  how.working_directory = how.folder = folder.path();
  const auto started = runs->start(how);
  REQUIRE_FALSE(started);
  CHECK(started.error().code == errc::agent_missing);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("the session variables of a surrounding agent do not reach the program, and others do") {
  ::setenv("CLAUDECODE", "1", 1);
  ::setenv("COBATCH_TEST_VALUE", "kept", 1);
  shell_session s(R"(read -r line; printf '{"type":"result","task_id":"a","status":"done","output":"%s"}\n' )"
                  R"("[$CLAUDECODE][$COBATCH_TEST_VALUE]"; read -r line)");
  CHECK(s.turn("a").what.output == "[][kept]");
  ::unsetenv("CLAUDECODE");
  ::unsetenv("COBATCH_TEST_VALUE");
}

TEST_CASE("what a dead session's file shows of a turn is recovered, and only whole lines count") {
  shell_session s("read -r line; " + answer_a + "read -r line; " + answer_a +
                  "read -r line; echo working; printf '{\"type\":\"res'");
  REQUIRE(s.turn("a").what.end == turn_end::done);
  REQUIRE(s.turn("a").what.end == turn_end::done);
  CHECK(s.turn("a").what.end == turn_end::broke);
  turn_record turn;
  turn.turn = turn_no{2};
  turn.task = task_id("a");
  turn.process_turn = 2;
  const auto found = s.runs->recover(s.folder.path(), turn);
  REQUIRE(found);
  CHECK(found->output == "yes");
  turn.process_turn = 3;
  CHECK_FALSE(s.runs->recover(s.folder.path(), turn));
  turn.process = 2;
  CHECK_FALSE(s.runs->recover(s.folder.path(), turn));
}

TEST_CASE(
    "a codex that does not say whether it has an app-server is asked again, and it is told what is done meanwhile") {
  const scratch_folder folder;
  const auto runs = make_codex_agent({.program = program_of(folder.path(), R"(cd "${0%/*}"
case "$1 $2" in
  "app-server --help") mkdir asked 2>/dev/null && exit 1; echo 'Usage: codex app-server'; exit 0;;
esac
echo "$1" >>ways
[ "$1" = app-server ] || cat >/dev/null)"),
                                      .grace = 200ms});
  std::vector<std::string> notices;
  session_start how;
  how.working_directory = how.folder = folder.path();
  how.on_event = [&](const event& news) {
    if (news.what == event::kind::notice) notices.emplace_back(news.text);
  };
  const auto way_of_start = [&] {
    auto started = runs->start(how);
    REQUIRE_MESSAGE(started, started.error().message);
    static_cast<void>((*started)->run_turn({}, long_enough, {}));
    (*started)->finish();
    const auto ways = content_of(folder.path() / "ways");
    std::filesystem::remove(folder.path() / "ways");
    return ways;
  };
  CHECK(way_of_start() == "exec\n");
  REQUIRE(notices.size() == 1);
  CHECK(notices[0].find("did not say") != std::string::npos);
  CHECK(way_of_start() == "app-server\n");
  CHECK(notices.size() == 1);
}
