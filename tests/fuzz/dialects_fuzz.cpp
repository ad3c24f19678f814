// What agents write: lines that come in pieces, and what each dialect makes of them.
#include <array>
#include <memory>
#include <vector>

#include <cobatch/core/text.hpp>

#include "agents/agent_output.hpp"
#include "agents/dialect.hpp"
#include "fuzz.hpp"

using namespace cobatch;
using cobatch_fuzz::ensure;

namespace {

// The lines that a follower finds in a file that grows by these pieces.
std::vector<std::string> lines_of(std::string_view first, std::string_view rest) {
  const cobatch_fuzz::scratch folder;
  std::vector<std::string> lines;
  folder.append("out", first);
  auto follower = line_follower::open(folder.path() / "out");
  ensure(follower.has_value(), "the file is opened");
  for (const std::string_view more : {std::string_view(), rest}) {
    folder.append("out", more);
    for (;;) {
      const auto line = follower->next();
      ensure(line.has_value(), "the file is read");
      if (!*line) break;
      ensure(is_utf8((*line)->text), "a line is UTF-8");
      ensure((*line)->text.size() <= 3 * max_agent_line, "a line has a limit");
      lines.emplace_back((*line)->text);
    }
  }
  return lines;
}

bool is_count(const tokens& n) {
  for (const std::int64_t count :
       {n.uncached_input, n.cache_write_5m, n.cache_write_1h, n.cache_read, n.output, n.reasoning})
    if (count < 0) return false;
  return true;
}

void check(const usage& used) {
  for (const auto& model : used.by_model) ensure(is_count(model.count), "no count is negative");
}

void check(const turn_report& report) {
  const settlement& what = report.what;
  for (const std::string* text : {&what.reason, &what.detail, &what.output, &what.output_summary, &what.conversation})
    ensure(is_utf8(*text), "what a turn came to is UTF-8");
  if (what.used) check(*what.used);
}

// An empty line stands for another process.
void read_all(dialect& speech, const std::vector<std::string>& lines) {
  const turn_key expected{turn_no{1}, task_id("a")};
  for (const auto& line : lines) {
    if (line.empty()) speech.process_begins();
    for (const bool is_cut : {false, true}) {
      const auto meaning = speech.read({line, is_cut}, expected);
      if (meaning.end) check(*meaning.end);
      if (meaning.late_answer) check(*meaning.late_answer);
      if (meaning.news) ensure(is_utf8(meaning.news->text), "news are UTF-8");
      ensure(is_utf8(meaning.message), "a message is UTF-8");
      if (!meaning.reply.empty()) ensure(meaning.reply.back() == '\n', "a reply is whole lines");
    }
    if (const auto used = speech.used_so_far({}, {})) check(*used);
  }
}

}  // namespace

FUZZ_TARGET(dialects) {
  const std::size_t middle = input.size() / 2;
  const auto lines = lines_of(input.substr(0, middle), input.substr(middle));
  ensure(lines == lines_of(input, {}), "lines are the same however they come");
  for (const auto& make : std::array<std::unique_ptr<dialect> (*)(), 4>{
           [] { return make_claude_dialect(); }, [] { return make_codex_dialect(); },
           [] { return make_line_protocol(usage_source::reported); }, [] { return make_gemini_dialect(); }})
    read_all(*make(), lines);
}
