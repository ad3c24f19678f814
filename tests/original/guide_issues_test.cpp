// The guide's "Common Issues" and its "INCORRECT" examples: what a user meets here instead.
#include <set>

#include "original/scene.hpp"

namespace cobatch_test {

using namespace program;

namespace {

std::size_t sessions_of(const scene& s, const std::vector<std::string>& tasks) {
  std::set<std::string> sessions;
  for (const auto& task : tasks) sessions.insert(at(s.result(task), "session"));
  return sessions.size();
}

// What the doctor answers to one of its checks on the batch: yes, no or unknown.
std::string diagnosis(const scene& s, const std::string& batch, const std::string& check) {
  const json::value reply = s.command({"doctor", batch, "--json"}).json();
  for (const auto& finding : *reply.find("findings")->as_array())
    if (text_in(finding, "check") == check) return text_in(finding, "answer");
  return {};
}

const std::string first_of_three =
    R"({"task_id":"a","usage":{"cache_creation_input_tokens":45000,"output_tokens":2000}})";
const std::string later = R"("usage":{"cache_read_input_tokens":45000,"output_tokens":1500})";

}  // namespace

TEST_CASE("issue 1: tasks that do not batch, is found by the doctor, and one batch_id is one session") {
  const scene s;
  s.assign("a", "one", true);
  s.assign("c", "two", true);
  CHECK(diagnosis(s, "one", "batch_ids") == "no");
  for (const std::string task : {"d", "e", "f"}) s.assign(task, "three", task == "f");
  CHECK(s.run(s.scripted()).code == exit_success);
  CHECK(sessions_of(s, {"d", "e", "f"}) == 1);
}

TEST_CASE("issue 2: a batch that never starts after a crash, starts by itself") {
  const scene s;
  s.assign_all("b", {"a"});
  child crashed = s.start_run(s.patient());
  s.await_work();
  crashed.signal(SIGKILL);
  crashed.wait();
  s.assign_all("next", {"c"});
  CHECK(std::filesystem::exists(s.marker()));
  child engine = s.start_engine(s.scripted());
  s.go();
  s.await_end("next");
  CHECK(s.states({"a", "c"}) == "done done");
  CHECK_FALSE(std::filesystem::exists(s.marker()));
  engine.signal(SIGTERM);
  CHECK(engine.wait() == exit_success);
}

TEST_CASE("issue 3: the nested session error, does not come up") {
  const scene s;
  s.make_claude(
      "[ -z \"$CLAUDECODE\" ] ||\n"
      "  { echo 'CLAUDECODE env var detected, cannot spawn nested session' >&2; exit 1; }\n");
  s.assign_all("b", {"a", "c", "d"});
  CHECK(s.run_claude({{"CLAUDECODE", "1"}}).code == exit_success);
  CHECK(s.states({"a", "c", "d"}) == "done done done");
}

TEST_CASE("issue 4: missing telemetry, needs no file that the agent writes first, and is told where it is missing") {
  const scene s;
  s.assign_all("b", {"a", "c", "d"});
  s.run(s.scripted(later, first_of_three));
  CHECK(at(s.result("a"), "tokens_input") == "45000");
  CHECK(at(s.result("c"), "tokens_cache_read") == "45000");
  CHECK(diagnosis(s, "b", "telemetry") == "yes");
  s.assign_all("silent", {"e"});
  s.run(s.scripted());
  CHECK(s.state("e") == "done");
  CHECK(diagnosis(s, "silent", "telemetry") == "no");
}

TEST_CASE("issue 5: a first task with 0 input tokens, is found by the doctor, and the guide's figures are not") {
  const scene s;
  s.assign_all("b", {"a", "c", "d"});
  s.run(s.scripted(later, first_of_three));
  CHECK(diagnosis(s, "b", "first_task") == "yes");
  CHECK(at(s.result("a"), "tokens_input_guide") == "45000");
  CHECK(at(s.result("c"), "tokens_input_guide") == "0");
  s.assign_all("zero", {"e", "f"});
  s.run(s.scripted(R"("usage":{"input_tokens":0,"output_tokens":5})"));
  CHECK(diagnosis(s, "zero", "first_task") == "no");
}

TEST_CASE(
    "incorrect 1: different batch_ids, run in sessions of their own, and every reply but the first says so, whoever "
    "gives it") {
  const scene s;
  CHECK_FALSE(warns(s.assign("a", "batch_20251107_214500", true), "different_batch_ids"));
  CHECK(warns(s.assign("c", "batch_20251107_214600", true), "different_batch_ids"));
  CHECK(warns(s.assign("d", "batch_20251107_214700", true), "different_batch_ids"));
  CHECK(s.run(s.scripted()).code == exit_success);
  CHECK(sessions_of(s, {"a", "c", "d"}) == 3);
}

TEST_CASE("incorrect 2: auto_execute true on the first task, is told, and the others join its session all the same") {
  const scene s;
  CHECK(warns(s.assign("a", "b", true), "auto_execute_too_early"));
  child session = s.start_run(s.patient());
  s.await_work();
  s.assign("c", "b", false);
  s.assign("d", "b", false);
  s.go();
  CHECK(session.wait() == exit_success);
  CHECK(s.states({"a", "c", "d"}) == "done done done");
  CHECK(sessions_of(s, {"a", "c", "d"}) == 1);
}

TEST_CASE(
    "incorrect 3: no batch_id at all, gives each task a session of its own, and says so, whoever gives the reply") {
  const scene s;
  const auto assign = [&](const std::string& task) {
    return s.about("assign_task", task, R"(,"description":"do it")");
  };
  CHECK_FALSE(warns(assign("a"), "no_batch_id"));
  CHECK(warns(assign("c"), "no_batch_id"));
  CHECK(warns(assign("d"), "no_batch_id"));
  CHECK(s.run(s.scripted()).code == exit_success);
  CHECK(sessions_of(s, {"a", "c", "d"}) == 3);
}

}  // namespace cobatch_test
