// A workspace in a folder of its own, and batches that run in it without an agent.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <cobatch/store.hpp>

#include "base/json.hpp"
#include "store/store.hpp"

namespace views_test {

namespace fs = std::filesystem;
using namespace cobatch;

inline constexpr timestamp guide_time{1762551900000};  // 2025-11-07T21:45:00Z

inline timestamp fixed_clock() { return guide_time; }

class folder {
 public:
  folder() {
    std::string name = (fs::temp_directory_path() / "cobatch-views-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    root_ = name;
    fs::create_directories(state());
  }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  ~folder() {
    std::error_code ignored;
    fs::permissions(data(), fs::perms::owner_all, ignored);
    fs::remove_all(root_, ignored);
  }

  [[nodiscard]] fs::path data() const { return root_ / "data"; }
  [[nodiscard]] fs::path state() const { return data() / ".cobatch"; }
  [[nodiscard]] fs::path queue() const { return data() / "claude_task_queue.json"; }
  [[nodiscard]] fs::path results() const { return data() / "claude_task_results.json"; }

  /// The names in `data/` that begin so.
  [[nodiscard]] std::vector<std::string> names(std::string_view beginning) const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(data()))
      if (entry.path().filename().string().starts_with(beginning)) out.push_back(entry.path().filename().string());
    return out;
  }
  [[nodiscard]] std::vector<std::string> outside() const { return names("claude_task_queue.json.outside-"); }

 private:
  fs::path root_;
};

inline std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

inline void write(const fs::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

inline json::value read_json(const fs::path& path) {
  auto v = json::parse(read(path));
  REQUIRE_MESSAGE(v.has_value(), "not JSON: " << path.string());
  return std::move(*v);
}

/// The member under these names, one inside the other; null if there is none.
template <class... Names>
json::value at(const json::value& v, const Names&... names) {
  const json::value* here = &v;
  ((here = here == nullptr ? nullptr : here->find(names)), ...);
  return here == nullptr ? json::value() : *here;
}

inline assign_request tasks_of(const std::string& batch, int count, const std::string& prefix = "create_doc_") {
  assign_request request;
  request.batch = batch_id(batch);
  for (int i = 1; i <= count; ++i) {
    task_spec spec;
    spec.id = task_id(prefix + std::to_string(i));
    spec.description = "Create documentation for feature " + std::to_string(i);
    request.tasks.push_back(std::move(spec));
  }
  return request;
}

/// Runs the oldest sealed batch as one session; task n writes `outputs[n]` tokens, the first one loads 45,000.
inline void run_batch(store& s, const std::vector<std::int64_t>& outputs) {
  claim_request claim;
  claim.nonce = "views test";
  claim.serves = {{"scripted"}, "scripted"};
  const auto claimed = s.claim(claim);
  REQUIRE(claimed.has_value());
  REQUIRE(claimed->what == claim_outcome::kind::claimed);
  const epoch session = claimed->session.id;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto n = static_cast<std::int64_t>(i) + 1;
    begin_request begin;
    begin.session = session;
    begin.ordinal = begin.process_turn = n;
    const auto begun = s.begin_turn(begin);
    REQUIRE(begun.has_value());
    REQUIRE(begun->what == begin_outcome::kind::begun);
    settlement what;
    what.end = turn_end::done;
    what.output = "Done.";
    what.output_summary = "Wrote it";
    what.used =
        usage{{{"m", {.cache_write_5m = i == 0 ? 45'000 : 0, .cache_read = i == 0 ? 0 : 45'000, .output = outputs[i]}}},
              usage_source::scripted,
              true};
    REQUIRE(s.settle_turn(session, begun->turn.turn, what).has_value());
  }
  REQUIRE(s.end_session(session, session_end::finished, "").has_value());
}

}  // namespace views_test
