// Records of the library as records of the C interface. Text is lent: it lives as long as what it is lent from.
#pragma once

#include <vector>

#include <cobatch/agent.hpp>
#include <cobatch/core/ledger.hpp>
#include <cobatch/doctor.hpp>
#include <cobatch/workspace.hpp>

#include "boundary.hpp"
#include "text.hpp"

namespace cobatch::capi {

[[nodiscard]] std::int32_t number_of(priority p) noexcept;
[[nodiscard]] std::int32_t number_of(task_state state) noexcept;
[[nodiscard]] std::int32_t number_of(batch_state state) noexcept;
[[nodiscard]] std::int32_t number_of(const std::optional<turn_end>& end) noexcept;     ///< absent: it still runs
[[nodiscard]] std::int32_t number_of(const std::optional<session_end>& end) noexcept;  ///< absent: it lives
[[nodiscard]] std::int64_t number_of(const std::optional<timestamp>& time) noexcept;
[[nodiscard]] cobatch_tokens tokens_of(const tokens& count) noexcept;

/// What models used, lent.
class lent_models {
 public:
  [[nodiscard]] const std::vector<cobatch_model_tokens>& lend(const std::vector<model_tokens>& by_model);

 private:
  std::vector<cobatch_model_tokens> models_;
};

/// A usage that is lent; NULL where there is none.
class lent_usage {
 public:
  [[nodiscard]] const cobatch_usage* lend(const std::optional<usage>& used);

 private:
  lent_models models_;
  cobatch_usage usage_ = {};
};

/// What a turn changed, lent; NULL where it is not known.
class lent_changes {
 public:
  [[nodiscard]] const cobatch_changes* lend(const std::optional<work_changes>& changes);

 private:
  lent_texts files_, commits_;
  cobatch_changes changes_ = {};
};

/// A budget that is lent; NULL where there is none.
class lent_budget {
 public:
  [[nodiscard]] const cobatch_budget* lend(const std::optional<spending_cap>& cap);

 private:
  cobatch_budget budget_ = {};
};

// What the records of a kind lend beside their own texts.
struct lent_with_task {
  lent_texts needs, check, tools;
};
struct lent_with_result {
  lent_usage used, preamble_used;
  lent_changes changes;
};
struct lent_with_turn {
  lent_usage used;
  lent_changes changes;
};

/// Takes a budget; NULL: none is said. What it says is checked by whoever keeps it.
[[nodiscard]] verdict take_budget(const cobatch_budget* given, std::optional<spending_cap>& own);
/// Takes a host's usage: what it says is checked by whoever stores it.
[[nodiscard]] verdict take_usage(const cobatch_usage* given, std::optional<usage>& own);
/// Takes what a host says a turn came to. Refuses an end that is not the host's to say.
[[nodiscard]] verdict take_completion(const cobatch_completion* given, settlement& own);

[[nodiscard]] cobatch_warning_info info_of(const warning& w) noexcept;
[[nodiscard]] cobatch_batch_info info_of(const batch_record& batch, lent_budget& budget);
[[nodiscard]] cobatch_task_info info_of(const task_record& task, lent_with_task& lent);
[[nodiscard]] cobatch_result_info info_of(const result_record& outcome, lent_with_result& lent);
[[nodiscard]] cobatch_turn_info info_of(const turn_record& turn, lent_with_turn& lent);
[[nodiscard]] cobatch_session_info info_of(const session_record& session) noexcept;
[[nodiscard]] cobatch_lock_info info_of(const lock_report& lock) noexcept;
[[nodiscard]] cobatch_savings_info info_of(const measured& compared) noexcept;
[[nodiscard]] cobatch_finding_info info_of(const finding& found) noexcept;
[[nodiscard]] cobatch_turn_request info_of(const turn_request& request) noexcept;

}  // namespace cobatch::capi
