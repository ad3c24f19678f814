#include "agents/agent_output.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

#include <doctest/doctest.h>

using namespace cobatch;

namespace {

struct growing_file {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("cobatch-lines-" + std::to_string(::getpid()) + ".out");
  growing_file() { std::ofstream{path}; }
  ~growing_file() { std::filesystem::remove(path); }
  void append(const std::string& text) const { std::ofstream(path, std::ios::app | std::ios::binary) << text; }
};

std::string next(line_follower& lines) {
  const auto line = lines.next();
  REQUIRE(line);
  REQUIRE(*line);
  return std::string((*line)->text);
}

}  // namespace

TEST_CASE("a line is handed out once, when its newline is there") {
  const growing_file file;
  auto lines = line_follower::open(file.path);
  REQUIRE(lines);
  CHECK_FALSE(*lines->next());
  file.append("one\ntw");
  CHECK(next(*lines) == "one");
  CHECK_FALSE(*lines->next());
  file.append("o\n\nfour\n");
  CHECK(next(*lines) == "two");
  CHECK(next(*lines).empty());
  CHECK(next(*lines) == "four");
  CHECK_FALSE(*lines->next());
}

TEST_CASE("lines longer than the read buffer come whole, up to the limit") {
  const growing_file file;
  const std::string longest(max_agent_line, 'x');
  file.append(longest + "\nnext\n");
  auto lines = line_follower::open(file.path);
  CHECK(next(*lines) == longest);
  CHECK(next(*lines) == "next");
}

TEST_CASE("of a line over the limit the beginning is handed out, finished or not, and the next one is read") {
  for (const bool finished : {false, true}) {
    const growing_file file;
    file.append("begin" + std::string(max_agent_line, 'x') + (finished ? "\n" : ""));
    auto lines = line_follower::open(file.path);
    const auto line = lines->next();
    REQUIRE(line);
    CHECK((*line)->is_cut);
    CHECK((*line)->text.starts_with("beginxxx"));
    CHECK((*line)->text.size() < max_agent_line / 100);
    CHECK_FALSE(*lines->next());
    file.append(finished ? "next\n" : "and more of it\nnext\n");
    CHECK(next(*lines) == "next");
  }
}

TEST_CASE("a line that is not UTF-8 is read with U+FFFD for what is no text, and says so") {
  const growing_file file;
  file.append("good\ncaf\xE9.txt\nnext\n");
  auto lines = line_follower::open(file.path);
  CHECK(next(*lines) == "good");
  const auto line = lines->next();
  REQUIRE(line);
  CHECK((*line)->text == "caf\uFFFD.txt");
  CHECK((*line)->is_mended);
  CHECK_FALSE((*line)->is_cut);
  CHECK(next(*lines) == "next");
}
