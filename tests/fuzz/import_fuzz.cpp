// Files of the original system. A line "#file NAME" says which of its files follows; before it, the queue.
#include <cobatch/core/text.hpp>
#include <cobatch/workspace.hpp>

#include "fuzz.hpp"
#include "import/import.hpp"

using namespace cobatch;
using cobatch_fuzz::ensure;

FUZZ_TARGET(import) {
  const cobatch_fuzz::scratch folder, from;
  std::filesystem::create_directory(from.path() / "task_archive");
  std::string name = "claude_task_queue.json";
  while (!input.empty()) {
    const std::string_view line = cobatch_fuzz::take_line(input);
    for (const char* one : {"claude_task_queue.json", "claude_task_results.json", "token_telemetry.json",
                            "task_archive/results_2025-11.jsonl"})
      if (line == "#file " + std::string(one)) name = one;
    if (!line.starts_with("#file ")) from.append(name, std::string(line) + '\n');
  }
  auto place = workspace::open({.root = folder.path()});
  ensure(place.has_value(), "a workspace is opened");
  const auto taken = import_original(*place, from.path());
  if (!taken) return;
  for (const auto& finding : taken->findings)
    ensure(is_utf8(finding.message) && is_utf8(finding.task) && !finding.message.empty(), "a finding says what it is");
  const auto all = place->status();
  ensure(all && all->all.tally == taken->put_in, "what was put in is there");
  const auto again = import_original(*place, from.path());
  ensure(again && again->put_in.total() == 0, "a second import puts in nothing");
  ensure(place->refresh_views().empty(), "the views are written");
}
