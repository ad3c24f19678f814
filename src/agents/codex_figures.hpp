// What Codex's turns used. Its figures are those of a thread so far, over all its turns and all processes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <cobatch/core/usage.hpp>

#include "agents/reported_usage.hpp"
#include "base/json.hpp"

namespace cobatch {

/// A figure of a thread, in ours, which do not overlap; nothing if it cannot be, or input or output is missing. The
/// names are those of `codex exec`
/// (`input_tokens`) or of its app-server (`inputTokens`).
[[nodiscard]] std::optional<tokens> read_codex_exec_tokens(const json::value& used);
[[nodiscard]] std::optional<tokens> read_codex_server_tokens(const json::value& used);

class codex_figures {
 public:
  /// A thread that begins here has used nothing; one that began before what is read, an amount that is not known as
  /// long as nobody tells. What is known of the thread already stands.
  void begun_here(const std::string& thread) { before_.try_emplace(thread, tokens{}); }
  void begun_elsewhere(const std::string& thread) { before_.try_emplace(thread, std::nullopt); }
  /// What a thread had used before the turns that follow.
  void set_baseline(const std::string& thread, const tokens& total);

  /// A request of the running turn was answered.
  void note_request(const std::string& thread, const tokens& total);
  /// Tokens were used that are in none of these figures.
  void note_more() { more_ = true; }

  /// The usage of the turn that ends now, with this figure of its thread; or with the latest that was noted.
  [[nodiscard]] std::optional<usage> of_turn(const std::string& thread, const std::optional<tokens>& total,
                                             const std::string& model);
  /// The usage of a turn that has not ended, as far as it is known; its process is gone.
  [[nodiscard]] std::optional<usage> of_broken_turn(const std::string& thread, const std::string& model);

 private:
  [[nodiscard]] std::optional<usage> take(const std::optional<tokens>& turn, const std::string& model);

  // What each thread had used before the running turn; nothing: not known.
  std::map<std::string, std::optional<tokens>> before_;
  std::optional<tokens> latest_;  // of the running turn's thread
  std::int64_t requests_ = 0;     // of the running turn
  std::int64_t found_in_cache_ = 0;
  std::int64_t inherited_ = 0;
  shown_input shown_;
  bool more_ = false;
};

}  // namespace cobatch
