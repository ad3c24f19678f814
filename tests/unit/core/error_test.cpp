#include <set>
#include <string>

#include <doctest/doctest.h>

#include <cobatch/core/error.hpp>

using namespace cobatch;

TEST_CASE("every code has a name and a value of its own") {
  std::set<std::string_view> names;
  std::set<std::int32_t> values;
  for (const auto& entry : detail::errc_names) {
    CHECK(names.insert(entry.name).second);
    CHECK(values.insert(static_cast<std::int32_t>(entry.code)).second);
    CHECK(name_of(entry.code) == entry.name);
  }
}

TEST_CASE("names and values that callers depend on have not moved") {
  CHECK(static_cast<int>(errc::bad_json) == 1);
  CHECK(static_cast<int>(errc::task_exists) == 100);
  CHECK(static_cast<int>(errc::agent_unknown) == 200);
  CHECK(static_cast<int>(errc::storage_fault) == 300);
  CHECK(static_cast<int>(errc::timed_out) == 400);
  CHECK(name_of(errc::task_exists) == "task_exists");
  CHECK(name_of(errc::foreign_marker) == "foreign_marker");
}

TEST_CASE("a value that is no code is called internal") { CHECK(name_of(static_cast<errc>(-7)) == "internal"); }

TEST_CASE("an error is handed on unchanged") {
  const auto first = []() -> result<int> { return fail(errc::bad_id, "why"); };
  const auto second = [&]() -> result<std::string> { return fail(first().error()); };
  CHECK(second().error() == error{errc::bad_id, "why"});
}
