#include <string>
#include <type_traits>
#include <unordered_set>

#include <doctest/doctest.h>

#include <cobatch/core/id.hpp>

using namespace cobatch;

static_assert(!std::is_convertible_v<task_id, batch_id>);
static_assert(!std::is_convertible_v<std::string, task_id>);
static_assert(!std::is_convertible_v<epoch, turn_no>);

TEST_CASE("an id is 1 to 128 bytes of printable UTF-8") {
  CHECK(task_id::parse("a")->str() == "a");
  CHECK(task_id::parse(std::string(128, 'a')).has_value());
  CHECK(task_id::parse("caf\xC3\xA9 / ../x").has_value());
  CHECK(task_id::parse("").error().code == errc::bad_id);
  CHECK(task_id::parse(std::string(129, 'a')).error().code == errc::bad_id);
  CHECK(task_id::parse("a\nb").error().code == errc::bad_id);
  CHECK(task_id::parse(std::string_view("a\0b", 3)).error().code == errc::bad_id);
  CHECK(task_id::parse("\x7F").error().code == errc::bad_id);
  CHECK(task_id::parse("\xC2\x85").error().code == errc::bad_id);
  CHECK(task_id::parse("\xFF").error().code == errc::bad_encoding);
}

TEST_CASE("an error about an id says which kind of id it is") {
  CHECK(task_id::parse("").error().message.starts_with("task_id"));
  CHECK(batch_id::parse("").error().message.starts_with("batch_id"));
  CHECK(batch_id::parse("", "'tasks[1].batch_id'").error().message.starts_with("'tasks[1].batch_id' is empty"));
}

TEST_CASE("ids are compared byte for byte") {
  CHECK(task_id("a") < task_id("b"));
  CHECK(task_id("A") != task_id("a"));
  CHECK(task_id("\xC3\xA9") != task_id("e\xCC\x81"));
}

TEST_CASE("ids can be kept in a hash table") {
  std::unordered_set<batch_id> ids{batch_id("a"), batch_id("b"), batch_id("a")};
  CHECK(ids.size() == 2);
  std::unordered_set<epoch> epochs{epoch{1}, epoch{2}, epoch{1}};
  CHECK(epochs.size() == 2);
}

TEST_CASE("a generated batch id has the guide's form, in UTC") {
  CHECK(make_batch_id({1762551900000}).str() == "batch_20251107_214500");
  CHECK(make_batch_id({0}).str() == "batch_19700101_000000");
  CHECK(batch_id::parse(make_batch_id({0}).str()).has_value());
}
