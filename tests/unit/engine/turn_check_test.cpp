#include "engine/turn_check.hpp"

#include <doctest/doctest.h>

#include <cobatch/core/text.hpp>

#include "unit/os/scratch.hpp"

using namespace cobatch;
using namespace cobatch_test;

namespace {

constexpr std::chrono::hours long_enough{1};

settlement answer(turn_end end) {
  settlement what;
  what.end = end;
  what.output = "I wrote it.";
  what.output_summary = "written";
  what.actions_taken = "[\"wrote\"]";
  what.used = usage{.by_model = {{"m", {.output = 5}}}};
  what.conversation = "c";
  return what;
}

std::vector<std::string> shell(const std::string& script) { return {"/bin/sh", "-c", script}; }

settlement after(const std::vector<std::string>& check, std::chrono::milliseconds limit = long_enough) {
  return apply_check(answer(turn_end::done), check, ".", limit, {});
}

// What `answer(done)` becomes: all but the verdict is kept.
void check_verdict(const settlement& what, turn_end end, const std::string& reason, const std::string& detail) {
  auto expected = answer(end);
  expected.reason = reason;
  expected.detail = detail;
  expected.source = status_source::cobatch;
  CHECK(what == expected);
}

}  // namespace

TEST_CASE("a task whose check passes is done as the agent said") {
  CHECK(after(shell("echo noise; echo noise >&2; exit 0")) == answer(turn_end::done));
  CHECK(after({}) == answer(turn_end::done));
}

TEST_CASE("a task whose check fails is in error, with the exit code and what the check wrote") {
  check_verdict(after(shell("echo 3 passed; echo 1 failed >&2; exit 2")), turn_end::error, "check_failed",
                "the check \"/bin/sh -c echo 3 passed; echo 1 failed >&2; exit 2\" exited with 2: 3 passed\n1 failed");
  check_verdict(after({"false"}), turn_end::error, "check_failed", "the check \"false\" exited with 1");
  check_verdict(after(shell("kill -TERM $$")), turn_end::error, "check_failed",
                "the check \"/bin/sh -c kill -TERM $$\" was ended by signal 15");
}

TEST_CASE("a check runs in the folder where the agent works") {
  const scratch_folder folder;
  std::ofstream(folder.path() / "made") << "by the agent";
  const std::vector<std::string> check{"test", "-e", "made"};
  CHECK(apply_check(answer(turn_end::done), check, folder.path(), long_enough, {}).end == turn_end::done);
  CHECK(apply_check(answer(turn_end::done), check, "/", long_enough, {}).end == turn_end::error);
}

TEST_CASE("a turn that did not end well is not checked") {
  const scratch_folder folder;
  for (const auto end : {turn_end::error, turn_end::denied, turn_end::broke, turn_end::timed_out, turn_end::stopped})
    CHECK(apply_check(answer(end), {"touch", "checked"}, folder.path(), long_enough, {}) == answer(end));
  CHECK_FALSE(std::filesystem::exists(folder.path() / "checked"));
}

TEST_CASE("a check that cannot be run fails the task, and says why") {
  const auto what = after({"no-such-check-anywhere"});
  CHECK(what.end == turn_end::error);
  CHECK(what.reason == "check_failed");
  CHECK(what.detail.find("could not be run: no program named 'no-such-check-anywhere'") != std::string::npos);
}

TEST_CASE("a check that does not end in time fails the task") {
  check_verdict(after({"sleep", "1000"}, std::chrono::milliseconds(20)), turn_end::error, "check_failed",
                "the check \"sleep 1000\" had not ended after 0.02 s, and was ended");
}

TEST_CASE("a stop during a check leaves the task to be done again") {
  const scratch_folder folder;
  std::stop_source stop;
  settlement what;
  std::thread checking([&] {
    what = apply_check(answer(turn_end::done), shell("echo >begun; exec sleep 1000"), folder.path(), long_enough,
                       stop.get_token());
  });
  CHECK(eventually([&] { return std::filesystem::exists(folder.path() / "begun"); }));
  stop.request_stop();
  checking.join();
  check_verdict(what, turn_end::stopped, "check_interrupted",
                "the check \"/bin/sh -c echo >begun; exec sleep 1000\" was interrupted; the task is to be done again");
}

TEST_CASE("of what a check wrote the end is kept, as UTF-8 whatever it was") {
  // 1000 times "é" and a byte that is no character: cut in the middle of a character, and growing when it is cleaned.
  const auto what = after(shell("i=0; while [ $i -lt 1000 ]; do printf '\\303\\251\\377'; i=$((i+1)); done; exit 1"));
  CHECK(is_utf8(what.detail));
  const auto tail = what.detail.substr(what.detail.find("exited with 1: ") + 15);
  CHECK(tail.size() <= check_output_bytes);
  CHECK(tail.size() > check_output_bytes - 4);
  CHECK(tail.substr(tail.size() - 5) == "\xC3\xA9\xEF\xBF\xBD");
}

TEST_CASE("a long check is named by its beginning") {
  const auto what = after({"false", std::string(1000, 'x')});
  CHECK(what.detail == "the check \"false " + std::string(194, 'x') + "…\" exited with 1");
}
