// What batching saves: three answers, each under its own name.
//
//   the guide's count     tokens loaded anew and written; what is read again from the cache counts as nothing
//   tokens processed      everything that the model read or wrote; batching makes this *more*, not less
//   money                 at prices by kind of token, against a named way to run the same tasks
//
// A saving may be negative: then the batch was dearer. This header counts; <cobatch/core/model.hpp> has the
// closed formulas that tell from how many tasks on one session stops paying.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <cobatch/core/price.hpp>
#include <cobatch/core/usage.hpp>

namespace cobatch {
inline namespace v1 {

/// Two ways to run the same tasks, in the same unit.
struct comparison {
  std::int64_t without = 0;  ///< one session a task
  std::int64_t with = 0;     ///< one session for all

  [[nodiscard]] constexpr std::int64_t saved() const noexcept { return without - with; }

  /// The saving in tenths of a percent of `without`, rounded half away from zero (641: 64.1 %; -50: 5 % dearer);
  /// nothing if `without` is not positive.
  [[nodiscard]] constexpr std::optional<std::int64_t> saved_permille() const noexcept {
    if (without <= 0) return std::nullopt;
    const bool dearer = with > without;
    const std::int64_t difference = dearer ? with - without : without - with;
    const wide scaled = multiply(detail::not_negative(difference), 1000);
    const std::int64_t rounded = detail::saturated(detail::divide_rounded(scaled, detail::not_negative(without)));
    return dearer ? -rounded : rounded;
  }

  friend constexpr bool operator==(const comparison&, const comparison&) = default;
};

/// Tenths of a percent as whole percent, rounded half away from zero, as the guide prints them.
[[nodiscard]] constexpr std::int64_t whole_percent(std::int64_t permille) noexcept {
  return (permille + (permille < 0 ? -5 : 5)) / 10;
}

// ------------------------------------------------------------------------------------------ the guide's count

/// The batch guide's count: alone, each task loads the context and writes its output; in a batch, the first one loads
/// it and the others load nothing. All in tokens; `alone_outputs` and `batch_outputs` are the outputs of the same
/// tasks.
[[nodiscard]] constexpr comparison count_guide(std::int64_t context, std::span<const std::int64_t> alone_outputs,
                                               std::span<const std::int64_t> batch_outputs) noexcept {
  using detail::saturating_add;
  comparison out;
  for (const std::int64_t output : alone_outputs)
    out.without = saturating_add(out.without, saturating_add(context, output));
  if (!batch_outputs.empty()) out.with = context;
  for (const std::int64_t output : batch_outputs) out.with = saturating_add(out.with, output);
  return out;
}

/// A row of the guide's table "Token Savings Calculator": the inputs that its figures come from, and what it prints.
struct guide_row {
  static constexpr std::size_t max_tasks = 10;
  std::size_t tasks = 0;
  std::array<std::int64_t, max_tasks> alone_output{};  ///< the first `tasks` of them
  std::array<std::int64_t, max_tasks> batch_output{};
  std::string_view without;  ///< as printed
  std::string_view with;     ///< as printed
  std::int64_t percent = 0;  ///< as printed
  std::string_view note;     ///< where the inputs differ between the columns or the rows

  [[nodiscard]] constexpr std::span<const std::int64_t> alone() const noexcept {
    return std::span(alone_output).first(tasks);
  }
  [[nodiscard]] constexpr std::span<const std::int64_t> batch() const noexcept {
    return std::span(batch_output).first(tasks);
  }
};

/// The context that the guide loads: 45K tokens. (The parts that it lists add up to 38K.)
inline constexpr std::int64_t guide_context = 45'000;

/// The guide's table. Its rows do not share one set of inputs; each states its own.
inline constexpr std::array<guide_row, 4> guide_table{{
    {2,
     {2000, 2000},
     {2000, 1500},
     "94K",
     "48.5K",
     48,
     "Without: 2 x 47K, the first task's total for both. With: the outputs of the worked example, 2.0K and 1.5K."},
    {3,
     {2000, 1500, 1800},
     {2000, 1500, 1800},
     "140K",
     "50.3K",
     64,
     "140K is the prose sum 140.3K (47K + 46.5K + 46.8K); 3 x 47K would be 141K. With: the worked example's outputs."},
    {5,
     {2000, 2000, 2000, 2000, 2000},
     {1800, 1800, 1800, 1800, 1800},
     "235K",
     "54K",
     77,
     "Without: 5 x 47K, which is 2K of output a task. With: 1.8K of output a task."},
    {10,
     {2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000},
     {1800, 1800, 1800, 1800, 1800, 1800, 1800, 1800, 1800, 1800},
     "470K",
     "63K",
     87,
     "Without: 10 x 47K, which is 2K of output a task. With: 1.8K of output a task."},
}};

/// Tokens as the guide prints them: three significant digits, trailing zeros dropped, K for thousands and M for
/// millions ("48.5K", "140K", "54K", "1.25M"); rounded half up. Below a thousand, all digits.
[[nodiscard]] inline std::string guide_tokens(std::int64_t count) {
  if (count < 0)
    return "-" + guide_tokens(count == std::numeric_limits<std::int64_t>::min()
                                  ? std::numeric_limits<std::int64_t>::max()
                                  : -count);
  if (count < 1000) return std::to_string(count);
  const bool millions = count >= 999'500;
  std::int64_t step = millions ? 10'000 : 10;  // the unit's hundredth
  int decimals = 2;
  const auto rounded = [&] { return count / step + (count % step >= step - count % step ? 1 : 0); };
  for (; decimals > 0 && rounded() >= 1000; --decimals) step *= 10;
  std::string digits = std::to_string(rounded());
  if (decimals > 0) {
    digits.insert(digits.size() - static_cast<std::size_t>(decimals), ".");
    while (digits.back() == '0') digits.pop_back();
    if (digits.back() == '.') digits.pop_back();
  }
  return digits + (millions ? "M" : "K");
}

// ------------------------------------------------------------------- tokens processed and money, for given outputs

/// One session: a request a task. The first loads the context; each later one reads from the cache all that was there
/// before the latest output, and writes that output to it (5 minutes).
[[nodiscard]] constexpr tokens one_session(std::int64_t context, std::span<const std::int64_t> outputs) noexcept {
  tokens sum;
  std::int64_t cached = 0;
  std::int64_t fresh = context;
  for (const std::int64_t output : outputs) {
    sum = sum + tokens{.cache_write_5m = fresh, .cache_read = cached, .output = output};
    cached = detail::saturating_add(cached, fresh);
    fresh = output;
  }
  return sum;
}

/// What separate sessions, one after another, find in the cache.
enum class prefix_cache : std::uint8_t {
  cold,  ///< nothing: each loads the context anew. The upper bound of what batching can save
  warm,  ///< all of the context, but for the first of them: the lower bound
};

/// One session a task, a request each.
[[nodiscard]] constexpr tokens separate_sessions(std::int64_t context, std::span<const std::int64_t> outputs,
                                                 prefix_cache cache) noexcept {
  tokens sum;
  bool loads = true;
  for (const std::int64_t output : outputs) {
    sum = sum + (loads ? tokens{.cache_write_5m = context, .output = output}
                       : tokens{.cache_read = context, .output = output});
    loads = cache == prefix_cache::cold;
  }
  return sum;
}

/// Everything that the model reads and writes, separate against one session. The cache makes no difference to it.
[[nodiscard]] constexpr comparison count_processed(std::int64_t context,
                                                   std::span<const std::int64_t> outputs) noexcept {
  return {separate_sessions(context, outputs, prefix_cache::cold).processed(),
          one_session(context, outputs).processed()};
}

/// The cost in the price's unit (twentieths of an input token for `relative_price`), against separate sessions that
/// find this in the cache.
[[nodiscard]] constexpr comparison count_money(std::int64_t context, std::span<const std::int64_t> outputs,
                                               prefix_cache cache, const price& p = relative_price) noexcept {
  return {detail::saturated(exact_cost(separate_sessions(context, outputs, cache), p)),
          detail::saturated(exact_cost(one_session(context, outputs), p))};
}

// --------------------------------------------------------------------------------------------- a real batch

/// What the figures of a batch that ran show. What they do not show is absent.
struct measured {
  /// The guide's count: Σ (uncached + cache writes + output) against N × the first task's input + Σ output. Absent if
  /// a task's usage is unknown, or if the first task shows no input (then its load was not captured).
  std::optional<comparison> guide;
  std::optional<std::int64_t> processed;   ///< tokens read and written, all tasks
  std::optional<std::int64_t> cache_read;  ///< the part of it that was read from the cache

  friend bool operator==(const measured&, const measured&) = default;
};

/// `by_task`: what each task used, over all its turns, in order of position; nothing where that is unknown or known
/// only in part.
[[nodiscard]] constexpr measured compare_measured(std::span<const std::optional<tokens>> by_task) noexcept {
  using detail::saturating_add;
  measured out;
  if (by_task.empty()) return out;
  tokens sum;
  for (const auto& task : by_task) {
    if (!task) return out;
    sum = sum + *task;
  }
  out.processed = sum.processed();
  out.cache_read = sum.cache_read;
  const std::int64_t first_input = by_task.front()->loaded_input();
  if (first_input <= 0) return out;
  const auto loads = multiply(detail::not_negative(first_input), by_task.size());
  out.guide =
      comparison{saturating_add(detail::saturated(loads), sum.output), saturating_add(sum.loaded_input(), sum.output)};
  return out;
}

static_assert(count_guide(guide_context, guide_table[1].alone(), guide_table[1].batch()) ==
              comparison{140'300, 50'300});
static_assert(whole_percent(*comparison{140'300, 50'300}.saved_permille()) == 64);

}  // namespace v1
}  // namespace cobatch
