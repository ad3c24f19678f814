// Texts that nobody would write: cut short, mutated, huge. The verdict is compared with a second opinion.
#include <cstddef>
#include <random>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <cobatch/core/text.hpp>

#include "base/json.hpp"
#include "unit/base/reference.hpp"

using namespace cobatch;

namespace {

constexpr std::string_view sample =
    R"({"tool_name":"claude_assistant","action":"assign_task","params":{"task_id":"caf\u00e9 \ud83d\ude00 é",)"
    R"("n":[0,-1,1.10,1e400,12345678901234567890123,-0,true,false,null],"s":"a\\\"b\/\n","o":{},"a":[[],[{}]]}})";

// Empty if the parser and the second opinion agree on `text`; else a description.
std::string disagreement(std::string_view text) {
  const auto parsed = json::parse(text);
  const bool expected = is_utf8(text) && reference::is_json(text);
  if (parsed.has_value() != expected) return "verdict on: " + std::string(text);
  if (!expected && (parsed.error().code == errc::bad_encoding) == is_utf8(text)) return "code of: " + std::string(text);
  if (!expected) return {};
  const auto again = json::parse(json::write(*parsed));
  if (!again || !(*again == *parsed)) return "round trip of: " + std::string(text);
  const auto pretty = json::parse(json::write_pretty(*parsed));
  return pretty && *pretty == *parsed ? std::string{} : "pretty round trip of: " + std::string(text);
}

}  // namespace

TEST_CASE("the sample itself is JSON") {
  CHECK(reference::is_json(sample));
  CHECK(disagreement(sample).empty());
}

TEST_CASE("a text cut short at any byte is refused") {
  for (std::size_t length = 0; length < sample.size(); ++length) {
    CHECK_FALSE(json::parse(sample.substr(0, length)).has_value());
    CHECK(disagreement(sample.substr(0, length)).empty());
  }
}

TEST_CASE("each byte replaced by each byte is judged as the grammar judges it") {
  for (std::size_t at = 0; at < sample.size(); ++at)
    for (int byte = 0; byte < 256; ++byte) {
      std::string text(sample);
      text[at] = static_cast<char>(byte);
      if (const auto why = disagreement(text); !why.empty()) FAIL_CHECK(why);
    }
}

TEST_CASE("randomly mutated texts are judged as the grammar judges them") {
  std::mt19937 random(20251107);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  constexpr std::string_view spice = "{}[]:,\"\\ \n-+.eE0159tfnulrs\x01\xC3\xA9\xEF\xBB\xBF";
  for (int round = 0; round < 60'000; ++round) {
    std::string text(sample.substr(below(20), 1 + below(sample.size())));
    if (round % 2 == 0) text = std::string(sample);
    for (std::size_t changes = 1 + below(4); changes > 0 && !text.empty(); --changes) {
      const std::size_t at = below(text.size());
      switch (below(4)) {
        case 0: text[at] = spice[below(spice.size())]; break;
        case 1: text.insert(at, 1, spice[below(spice.size())]); break;
        case 2: text.erase(at, 1 + below(3)); break;
        default: text.insert(at, text.substr(below(text.size()), below(12)));
      }
    }
    if (const auto why = disagreement(text); !why.empty()) FAIL_CHECK(why);
  }
}

TEST_CASE("random strings of JSON's own characters are judged as the grammar judges them") {
  std::mt19937 random(7);
  constexpr std::string_view pieces[] = {"{", "}",  "[",  "]", ":",    ",",    "\"", "\"a\"",       "1",    "-",
                                         "0", ".5", "e3", " ", "true", "null", "\\", "\"\\u00e9\"", "1.50", "\"b\":"};
  for (int round = 0; round < 100'000; ++round) {
    std::string text;
    for (auto n = random() % 8; n > 0; --n) text += pieces[random() % std::size(pieces)];
    if (const auto why = disagreement(text); !why.empty()) FAIL_CHECK(why);
  }
}

TEST_CASE("a batch of 10,000 tasks in 16 MiB goes in and comes out whole") {
  const std::string description(1600, 'd');
  json::array tasks;
  for (int i = 0; i < 10'000; ++i)
    tasks.push_back(json::object{{"task_id", "task_" + std::to_string(i)}, {"description", description}, {"n", i}});
  const json::value batch(json::object{{"tasks", std::move(tasks)}});
  const std::string text = json::write(batch);
  CHECK(text.size() > std::size_t{15} << 20U);
  CHECK(json::parse(text).value() == batch);
}

TEST_CASE("an object of many members is read in order") {
  std::string text = "{";
  for (int i = 0; i < 100'000; ++i) text += "\"" + std::to_string(i * 7919 % 100'003) + "\":1,";
  text.back() = '}';
  const auto v = json::parse(text);
  REQUIRE(v.has_value());
  CHECK(v->as_object()->size() == 100'000);
  CHECK(json::write(*v) == text);
}
