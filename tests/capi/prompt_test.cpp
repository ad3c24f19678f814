// The guide's own way: a program that gets one prompt, and tells by calls. The programs are shell scripts.
#include "capi/host.hpp"

using namespace cobatch_test;

namespace {

// A workspace with an agent that keeps its prompt and its arguments, and then does `work`.
struct prompt_scene : scratch_workspace {
  std::string program = (folder.path() / "agent.sh").native();

  explicit prompt_scene(std::string_view work = "exit 0\n") {
    std::ofstream(program) << "#!/bin/sh\nprintf '%s\\n' \"$@\" >arguments\ncat >prompt\n" << work;
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    assign_all(*this, {"a", "it's b"}, "b1", "prompt");
  }

  void run(std::string_view call_with = {}) const {
    const cobatch_text argv[]{text(program), cobatch_str("-p"), cobatch_str("two words")};
    auto options = fresh<cobatch_prompt_options>();
    options.argv = {argv, 3};
    options.call = text(call_with);
    run_all(*this, make<cobatch_agent>(cobatch_agent_prompt, &options));
  }
  [[nodiscard]] std::string kept(std::string_view name) const { return content_of(folder.path() / name); }
};

bool holds(const std::string& all, std::string_view part) { return all.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a prompt agent gets its arguments, and a prompt that says how to call") {
  const prompt_scene place;
  std::string call_with = "cobatch call";
  SUBCASE("as nobody has said") { place.run(); }
  SUBCASE("as is said") {
    call_with = "'/opt/my tools/cobatch' call --state /var/x";
    place.run(call_with);
  }
  CHECK(place.kept("arguments") == "-p\ntwo words\n");
  const std::string prompt = place.kept("prompt");
  CHECK(holds(prompt, "2 tasks of batch b1"));
  CHECK(holds(prompt, "begin:  " + call_with + " mark_task_in_progress"));
}

#ifdef COBATCH_WITH_PROGRAM
TEST_CASE("a batch is done by a script that runs the commands of its prompt, and what it told of tokens is marked so") {
  const prompt_scene place(
      "sed -n -e 's/^  begin:  //p' -e 's/^  done:   //p' prompt >commands\n"
      "sed -i \"1a $CALL capture_token_telemetry task_id=a tokens_input=70 tokens_output=7\" commands\n"
      ". ./commands\n");
  const std::string call_with = "'" + paths::program + "' call";
  ::setenv("CALL", call_with.c_str(), 1);
  place.run(call_with);
  ::unsetenv("CALL");
  const auto first = result_of(place, "a");
  CHECK(first->state == COBATCH_TASK_DONE);
  CHECK(first->said_by == COBATCH_SAID_BY_AGENT);
  CHECK(task_of(place, "it's b")->state == COBATCH_TASK_DONE);
  CHECK(session_ends(place) == std::vector<std::int32_t>{COBATCH_SESSION_FINISHED});
  REQUIRE(first->usage != nullptr);
  CHECK(first->usage->source == COBATCH_USAGE_TOLD);
  CHECK(first->usage->total.output == 7);
}
#endif

TEST_CASE("a prompt agent's program that is not there charges no task") {
  const prompt_scene place;
  std::filesystem::remove(place.program);
  const cobatch_text argv[]{text(place.program)};
  auto options = fresh<cobatch_prompt_options>();
  options.argv = {argv, 1};
  const auto agent = make<cobatch_agent>(cobatch_agent_prompt, &options);
  const run_with with(agent);
  CHECK(run(place, with.options) == COBATCH_E_AGENT_MISSING);
  CHECK(task_of(place, "a")->attempts == 0);
  CHECK(holds(copy_of(batch_of(place, "b1")->hold_reason), place.program));
}
