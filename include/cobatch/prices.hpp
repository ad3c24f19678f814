// What tokens cost, from a price file that the user has.
//
// The file has the shape of LiteLLM's `model_prices_and_context_window.json`: an object with a member a model, and in
// it dollars a token: `input_cost_per_token`, `output_cost_per_token`, `cache_read_input_token_cost`,
// `cache_creation_input_token_cost` (a cache that lives 5 minutes), `cache_creation_input_token_cost_above_1hr`; and
// the provider, `litellm_provider`. Prices are read as they are written and rounded once, to pico-dollars.
//
// What the file does not say is not invented: a model without a price that its tokens need is unpriced, never free. But
// where a provider other than Anthropic has no price for cache writes at all, they are free.
//
// Prices for requests with much input, each of these names with `_above_N_tokens` behind it (N as 200k), and the ranges
// of `tiered_pricing`, hold for the whole of such a request. Where nobody reported how large each request was, the
// lowest price that may hold is taken, and the cost is "at least" that. So it is where an entry asks for something that
// is not counted, such as `input_cost_per_request`. Prices of other services (`_batches`, `_priority`, `_flex`, audio,
// images, searches) are left alone: agents do not ask for them by themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <cobatch/core/error.hpp>
#include <cobatch/core/ledger.hpp>
#include <cobatch/core/price.hpp>
#include <cobatch/core/usage.hpp>

namespace cobatch {
inline namespace v1 {

/// What a price file says of one model: pico-dollars a token. Absent: it does not say.
struct model_price {
  std::optional<std::int64_t> input = {};
  std::optional<std::int64_t> cache_write_5m = {};
  std::optional<std::int64_t> cache_write_1h = {};
  std::optional<std::int64_t> cache_read = {};
  std::optional<std::int64_t> output = {};
  std::string provider = {};  ///< empty: not said
  /// In `tiers`: for requests with more input than this, what was read from the cache included.
  std::int64_t above = 0;
  std::vector<model_price> tiers = {};        ///< in order of `above`; what one does not say is as below it
  std::vector<std::string> not_counted = {};  ///< members that ask for more than tokens

  friend bool operator==(const model_price&, const model_price&) = default;
};

/// What looked wrong in an entry of a price file.
struct price_fault {
  std::string entry = {};  ///< its name
  warning what = {};
};

/// What tokens cost, in pico-dollars.
struct token_cost {
  wide pico_dollars = {};
  std::string at_least = {};  ///< not empty: it may be more, and why, as a sentence

  friend bool operator==(const token_cost&, const token_cost&) = default;
};

/// What turns cost together, as they are added one by one. Each is priced by itself, because a price may depend on how
/// large its requests were.
struct running_cost {
  wide pico_dollars = {};              ///< of what has a price
  bool at_least = false;               ///< it may be more, or something had no price
  std::optional<error> unpriced = {};  ///< the first that had none

  /// `cost`: what `price_table::cost_of` says of a turn.
  void add(const result<token_cost>& cost) {
    at_least = at_least || !cost || !cost->at_least.empty();
    if (cost) pico_dollars = pico_dollars + cost->pico_dollars;
    if (!cost && !unpriced) unpriced = cost.error();
  }
  [[nodiscard]] std::int64_t nano_dollars() const noexcept { return to_nano(pico_dollars); }
};

/// What an account cost.
struct account_cost {
  std::int64_t nano_dollars = 0;
  bool at_least = false;  ///< by the prices: it may be more than the tokens that are known make it

  friend bool operator==(const account_cost&, const account_cost&) = default;
};

/// What the accounts of a batch cost; the parts add up to the total. An account has no cost if it used a model without
/// a price, or if nobody knows anything of what it used.
struct batch_costs {
  std::optional<account_cost> total = {};
  std::optional<account_cost> shared = {};
  std::vector<std::optional<account_cost>> by_task = {};  ///< as in `ledger::by_task`
  /// For each model: `unpriced_model` if it has no price, `price_at_least` if it may cost more.
  std::vector<warning> warnings = {};
};

/// The prices of models. Once made it is never changed, and may be used from any thread at once.
class price_table {
 public:
  price_table() = default;  ///< of no model
  explicit price_table(std::map<std::string, model_price, std::less<>> models, std::vector<price_fault> faults = {})
      : models_(std::move(models)), faults_(std::move(faults)) {}

  [[nodiscard]] bool empty() const noexcept { return models_.empty(); }

  /// What looked wrong in the file, and was left out: `price_unusable` (no number, negative, above `max_price`; that
  /// price is missing then) and `price_contradiction` (Anthropic asks 2 times the input price for a 1 h write, no less
  /// than that price for a 5 min write, and less for a read; the model is missing then). Where it matters, because the
  /// model is used, the message of `unpriced_model` says it: who only uses prices need not tell of these.
  [[nodiscard]] const std::vector<price_fault>& faults() const noexcept { return faults_; }

  /// What the file says of a model; a null pointer if nothing. It is found under its exact name; else "provider/name"
  /// under "name", if that is this provider's; else "name" under "name-20250929" or "name-2025-09-29", if the file has
  /// one such date only. No other name is taken for the same model.
  [[nodiscard]] const model_price* find(std::string_view model) const;

  /// The price of these tokens of a model, in pico-dollars a token, and the lowest where it depends on requests whose
  /// size nobody knows; 0 for the kinds of token that are not among them if the file does not say. Errors:
  /// unpriced_model.
  [[nodiscard]] result<price> price_of(const model_tokens& used) const;

  /// What these tokens cost together. Errors: unpriced_model.
  [[nodiscard]] result<token_cost> cost_of(std::span<const model_tokens> used) const;

  /// What the accounts of a batch cost; of one that is not complete, at least that.
  [[nodiscard]] batch_costs costs_of(const ledger& accounts) const;

 private:
  // Both prices are the same where nothing depends on the size of requests, or it is known well enough.
  struct price_range {
    price lowest, highest;
  };
  [[nodiscard]] result<price_range> range_of(const model_tokens& used) const;
  [[nodiscard]] std::string why_at_least(const model_tokens& used, const price_range& range) const;
  [[nodiscard]] const model_price* find_dated(std::string_view model) const;
  [[nodiscard]] error unpriced(const model_tokens& used, std::string what_is_missing) const;

  std::map<std::string, model_price, std::less<>> models_;
  std::vector<price_fault> faults_;
};

/// Largest price file.
inline constexpr std::size_t max_price_file_bytes = 64 * 1024 * 1024;

/// Reads a price file. Errors: io_error and not_writable (it cannot be read), too_large, bad_json, bad_encoding,
/// wrong_type (no object of models).
[[nodiscard]] result<price_table> read_price_file(const std::filesystem::path& file);

}  // namespace v1
}  // namespace cobatch
