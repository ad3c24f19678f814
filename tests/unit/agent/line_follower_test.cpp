#include "agent/line_follower.hpp"

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

}  // namespace

TEST_CASE("a line is handed out once, when its newline is there") {
  const growing_file file;
  auto lines = line_follower::open(file.path);
  REQUIRE(lines);
  CHECK_FALSE(*lines->next());
  file.append("one\ntw");
  CHECK(lines->next()->value() == "one");
  CHECK_FALSE(*lines->next());
  file.append("o\n\nfour\n");
  CHECK(lines->next()->value() == "two");
  CHECK(lines->next()->value().empty());
  CHECK(lines->next()->value() == "four");
  CHECK_FALSE(*lines->next());
}

TEST_CASE("lines longer than the read buffer come whole, up to the limit") {
  const growing_file file;
  const std::string longest(max_agent_line, 'x');
  file.append(longest + "\nnext\n");
  auto lines = line_follower::open(file.path);
  CHECK(lines->next()->value() == longest);
  CHECK(lines->next()->value() == "next");
}

TEST_CASE("a line over the limit is refused, finished or not, and the next one is read") {
  for (const bool finished : {false, true}) {
    const growing_file file;
    file.append(std::string(max_agent_line + 1, 'x') + (finished ? "\n" : ""));
    auto lines = line_follower::open(file.path);
    const auto line = lines->next();
    REQUIRE_FALSE(line);
    CHECK(line.error().code == errc::too_large);
    CHECK_FALSE(*lines->next());
    file.append(finished ? "next\n" : "and more of it\nnext\n");
    CHECK(lines->next()->value() == "next");
  }
}

TEST_CASE("a line that is not UTF-8 is refused, and the next one is read") {
  const growing_file file;
  file.append("good\nbad \xFF\nnext\n");
  auto lines = line_follower::open(file.path);
  CHECK(lines->next()->value() == "good");
  const auto line = lines->next();
  REQUIRE_FALSE(line);
  CHECK(line.error().code == errc::bad_encoding);
  CHECK(lines->next()->value() == "next");
}
