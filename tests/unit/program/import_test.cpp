// `cobatch import`: what it prints, and its exit codes.
#include <filesystem>

#include "program/commands.hpp"
#include "unit/program/support.hpp"

namespace cobatch_test {

using namespace program;

namespace {

const std::string queue = R"({"tasks":{
  "create_doc_1":{"status":"queued","description":"Document A","batch_id":"docs"},
  "create_doc_2":{"status":"in_progress","description":"Document B","batch_id":"docs"}}})";

ran import_into(const folder& root, const folder& from, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments{"import", from.str(), "--root", root.str()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return cobatch_run(arguments);
}

bool says(const ran& r, std::string_view part) {
  INFO(r.out);
  return r.out.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("import says what went in, what was to be told, and what to do next") {
  const folder root, from;
  from.write("claude_task_queue.json", queue);
  const ran first = import_into(root, from);
  CHECK(first.code == exit_success);
  CHECK(says(first, "Put in: 2 queued."));
  CHECK(says(first, "task create_doc_2: It was in progress there"));
  CHECK(says(first, "cobatch run"));
  const ran again = import_into(root, from);
  CHECK(again.code == exit_success);
  CHECK(says(again, "Nothing is new; 2 tasks were here already."));
}

TEST_CASE("a dry run of import says what would go in, and makes nothing") {
  const folder root, from;
  from.write("claude_task_queue.json", queue);
  const ran dry = import_into(root, from, {"--dry-run"});
  CHECK(dry.code == exit_success);
  CHECK(says(dry, "Would be put in: 2 queued."));
  CHECK(says(dry, "Nothing was changed."));
  CHECK(std::filesystem::is_empty(root.path()));
}

TEST_CASE("import of something that does not all go in exits with 1, and names it") {
  const folder root, from;
  from.write("claude_task_queue.json", queue.substr(0, queue.size() / 2));
  const ran r = import_into(root, from, {"--json"});
  CHECK(r.code == exit_refused);
  const json::value reply = r.json();
  CHECK(text_in(reply, "status") == "error");
  const json::value& first = reply.find("findings")->as_array()->front();
  CHECK(text_in(first, "kind") == "set_aside");
  CHECK(text_in(first, "file") == "claude_task_queue.json");
}

TEST_CASE("import of a folder without any of the files is a mistake on the command line") {
  const folder root, from;
  CHECK(import_into(root, from).code == exit_usage);
}

}  // namespace cobatch_test
