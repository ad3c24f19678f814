#include "workspace/telemetry_file.hpp"

#include <chrono>
#include <climits>
#include <fstream>
#include <string>

#include "unit/scratch_folder.hpp"

using namespace cobatch;
using namespace cobatch_test;

namespace {

namespace fs = std::filesystem;

fs::path told_in(const fs::path& data, std::string_view content) {
  const auto file = data / "last_execution_telemetry.json";
  std::ofstream(file) << content;
  return file;
}

// So deep that the telemetry file can be in it, and none with a longer name.
fs::path too_deep_for_another_name(const fs::path& root) {
  const std::size_t length = PATH_MAX - 1 - std::string_view("/last_execution_telemetry.json").size();
  std::string path = root.string();
  while (path.size() + 202 < length) path += "/" + std::string(200, 'd');
  path += "/" + std::string(length - path.size() - 1, 'd');
  fs::create_directories(path);
  return path;
}

}  // namespace

TEST_CASE("left-over telemetry that cannot be moved is told, with what to do about it") {
  const scratch_folder folder;
  const auto data = too_deep_for_another_name(folder.path());
  const auto file = told_in(data, R"({"tokens_input":1,"tokens_output":2})");
  REQUIRE(fs::exists(file));
  const auto warnings = telemetry_file(data).leave_behind(task_id("next"), false);
  REQUIRE(warnings.size() == 1);
  CHECK(warnings.front().code == "telemetry_left_over");
  CHECK(warnings.front().message.find("log_task_completion of next would take it. Remove it") != std::string::npos);
  CHECK(fs::exists(file));
}

TEST_CASE("where there is no telemetry, nothing is left over") {
  const scratch_folder folder;
  CHECK(telemetry_file(folder.path()).leave_behind(task_id("next"), false).empty());
}

TEST_CASE("telemetry that names another task is not even moved for a moment") {
  const scratch_folder folder;
  told_in(folder.path(), R"({"task_id":"other","tokens_input":1,"tokens_output":2})");
  const auto untouched = fs::file_time_type::clock::now() - std::chrono::hours{1};
  fs::last_write_time(folder.path(), untouched);
  CHECK_FALSE(telemetry_file(folder.path()).claim(task_id("mine")).used);
  CHECK(fs::last_write_time(folder.path()) == untouched);
}
