#include "agents/claude_usage.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include "unit/scratch_folder.hpp"

using namespace cobatch;

namespace {

namespace fs = std::filesystem;
const std::string conversation = "11111111-2222-4333-8444-555555555555";

std::string line(const std::string& id, const std::string& when, int output, const std::string& model = "opus") {
  return R"({"type":"assistant","timestamp":")" + when + R"(","message":{"id":")" + id + R"(","model":")" + model +
         R"(","usage":{"input_tokens":5,"cache_creation_input_tokens":60,"cache_read_input_tokens":700,)"
         R"("output_tokens":)" +
         std::to_string(output) + "}}}\n";
}

struct transcripts {
  cobatch_test::scratch_folder folder;
  fs::path project = folder.path() / "projects" / "-home-user-project";
  transcripts() {
    fs::create_directories(project / conversation / "subagents");
    ::setenv("CLAUDE_CONFIG_DIR", folder.path().c_str(), 1);
  }
  ~transcripts() { ::unsetenv("CLAUDE_CONFIG_DIR"); }
  void write(const fs::path& file, const std::string& text) { std::ofstream(project / file) << text; }
};

const timestamp noon = *parse_iso("2026-11-24T12:00:00Z");

}  // namespace

TEST_CASE_FIXTURE(transcripts, "a request is counted once, from the turn's begin on, its subagents' too") {
  write(conversation + ".jsonl", line("m0", "2026-11-24T11:59:59.000Z", 1) + line("m1", "2026-11-24T12:00:01.000Z", 1) +
                                     line("m1", "2026-11-24T12:00:01.000Z", 20) + "{\"type\":\"user\"}\nno json\n" +
                                     line("x", "2026-11-24T12:00:02.000Z", 9, "<synthetic>") + "\xff\xfe torn\n" +
                                     line("m2", "2026-11-24T12:00:03.000Z", 30) + R"({"type":"assist)");
  write(fs::path(conversation) / "subagents" / "agent-1.jsonl",
        line("m2", "2026-11-24T12:00:03.000Z", 30) + line("m3", "2026-11-24T12:00:04.000Z", 4, "haiku"));
  const auto used = read_claude_transcript(conversation, noon);
  REQUIRE(used);
  CHECK(used->source == usage_source::transcript);
  CHECK_FALSE(used->complete);
  REQUIRE(used->by_model.size() == 2);
  CHECK(used->by_model[0].model == "haiku");
  CHECK(used->by_model[0].count == tokens{5, 60, 0, 700, 4, 0});
  CHECK(used->by_model[1].count == tokens{10, 120, 0, 1400, 50, 0});
}

TEST_CASE_FIXTURE(transcripts, "a line that is too long to be read hides none of those after it") {
  write(conversation + ".jsonl", line("m1", "2026-11-24T12:00:01.000Z", 1) + std::string(9 << 20, 'x') + "\n" +
                                     line("m2", "2026-11-24T12:00:02.000Z", 2));
  const auto used = read_claude_transcript(conversation, noon);
  REQUIRE(used);
  CHECK(used->total().output == 3);
}

TEST_CASE_FIXTURE(transcripts, "where nothing is known, nothing is made up") {
  CHECK_FALSE(read_claude_transcript(conversation, noon));
  CHECK_FALSE(read_claude_transcript("", noon));
  CHECK_FALSE(read_claude_transcript("../../etc/passwd", noon));
  write(conversation + ".jsonl", line("m0", "2026-11-24T11:00:00.000Z", 1));
  CHECK_FALSE(read_claude_transcript(conversation, noon));
}
