#include <algorithm>
#include <array>
#include <functional>

#include <fmt/format.h>

#include <cobatch/prices.hpp>

#include "json/decimal.hpp"
#include "json/json.hpp"
#include "json/members.hpp"
#include "system/files.hpp"

namespace cobatch {
inline namespace v1 {

namespace {

constexpr int pico = 12;

// The kinds of token: how a price file, a price, a count and people call each.
struct token_kind {
  std::string_view member;
  std::optional<std::int64_t> model_price::*said;
  std::int64_t price::*each;
  std::int64_t tokens::*count;
  std::string_view name;
  bool is_write;
};
constexpr std::array kinds{
    token_kind{"input_cost_per_token", &model_price::input, &price::input, &tokens::uncached_input, "input", false},
    token_kind{"cache_creation_input_token_cost", &model_price::cache_write_5m, &price::cache_write_5m,
               &tokens::cache_write_5m, "cache writes for 5 minutes", true},
    token_kind{"cache_creation_input_token_cost_above_1hr", &model_price::cache_write_1h, &price::cache_write_1h,
               &tokens::cache_write_1h, "cache writes for 1 hour", true},
    token_kind{"cache_read_input_token_cost", &model_price::cache_read, &price::cache_read, &tokens::cache_read,
               "cache reads", false},
    token_kind{"output_cost_per_token", &model_price::output, &price::output, &tokens::output, "output", false},
};

// "anthropic", and "vertex_ai-anthropic_models".
bool is_anthropics(const model_price& model) {
  return model.provider.find("anthropic") != std::string::npos;
}

bool is_date(std::string_view text) {
  if (text.size() == 10 && text[4] == '-' && text[7] == '-')
    return is_date(fmt::format("{}{}{}", text.substr(0, 4), text.substr(5, 2), text.substr(8, 2)));
  return text.size() == 8 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Makes a table of a price file, and says what is wrong with it.
class price_reader {
 public:
  price_table read(const json::object& file) {
    for (const auto& [name, content] : file) {
      if (content.as_object() == nullptr) {
        unusable(name, fmt::format("it is {}, not an object", content.kind()));
        continue;
      }
      auto model = read_model(name, content);
      if (!contradicts(name, model)) models_.emplace(name, std::move(model));
    }
    return price_table(std::move(models_), std::move(warnings_));
  }

 private:
  model_price read_model(const std::string& name, const json::value& from) {
    model_price model;
    model.provider = json::text_of(from, "litellm_provider");
    bool asks_for_writes = is_anthropics(model);
    for (const auto& kind : kinds) {
      const auto* const given = from.find(kind.member);
      if (given == nullptr || given->is_null()) continue;
      model.*kind.said = read_price(name, kind, *given);
      asks_for_writes = asks_for_writes || kind.is_write;
    }
    if (!asks_for_writes) model.cache_write_5m = model.cache_write_1h = 0;
    return model;
  }

  std::optional<std::int64_t> read_price(const std::string& name, const token_kind& kind, const json::value& given) {
    const bool is_number = given.as_int() != nullptr || given.as_number() != nullptr;
    const auto read = is_number ? json::read_decimal(json::write(given), pico) : std::nullopt;
    if (read && read->value <= max_price) return read->value;
    unusable(name, fmt::format("{} is {}, and must be a number from 0 to 1", kind.member,
                               is_number ? json::write(given) : given.kind()));
    return std::nullopt;
  }

  bool contradicts(const std::string& name, const model_price& m) {
    if (!is_anthropics(m) || !m.input) return false;
    const auto said = [&](std::string_view what, std::int64_t figure, std::string_view rule) {
      warnings_.push_back(
          {"price_contradiction",
           fmt::format("the price file asks ${} a token for {} of \"{}\" and ${} for input, but {}; the "
                       "model is left out, and what it uses has no price. Correct the file",
                       json::write_decimal(figure, pico, 1), what, name, json::write_decimal(*m.input, pico, 1),
                       rule)});
      return true;
    };
    if (m.cache_write_1h && *m.cache_write_1h != 2 * *m.input)
      return said("cache writes for 1 hour", *m.cache_write_1h, "they cost 2 times the input");
    if (m.cache_write_5m && *m.cache_write_5m < *m.input)
      return said("cache writes for 5 minutes", *m.cache_write_5m, "they cost no less than the input");
    if (m.cache_read && *m.cache_read >= *m.input)
      return said("cache reads", *m.cache_read, "they cost less than the input");
    return false;
  }

  void unusable(const std::string& name, const std::string& why) {
    warnings_.push_back(
        {"price_unusable", fmt::format("the price file's entry \"{}\" cannot be used whole: {}. What is "
                                       "wrong is left out; correct the file",
                                       name, why)});
  }

  std::map<std::string, model_price, std::less<>> models_;
  std::vector<warning> warnings_;
};

error unpriced(std::string_view model, const std::string& what_is_missing) {
  if (model.empty())
    return {errc::unpriced_model,
            "a turn used a model whose name the agent did not say, so what it used cannot be counted in dollars. Name "
            "the model that is to be used, with --model"};
  return {
      errc::unpriced_model,
      fmt::format("model \"{}\" has no price{}, so what it uses cannot be counted in dollars. Give a price file that "
                  "has it under this name, with --prices FILE",
                  model, what_is_missing)};
}

}  // namespace

const model_price* price_table::find_dated(std::string_view model) const {
  const std::string prefix = std::string(model) + "-";
  const model_price* found = nullptr;
  for (auto at = models_.lower_bound(prefix); at != models_.end() && at->first.substr(0, prefix.size()) == prefix;
       ++at) {
    if (!is_date(std::string_view(at->first).substr(prefix.size()))) continue;
    if (found != nullptr) return nullptr;
    found = &at->second;
  }
  return found;
}

const model_price* price_table::find(std::string_view model) const {
  if (const auto exact = models_.find(model); exact != models_.end()) return &exact->second;
  const auto slash = model.find('/');
  if (slash == std::string_view::npos) return find_dated(model);
  const auto named = models_.find(model.substr(slash + 1));
  return named != models_.end() && named->second.provider == model.substr(0, slash) ? &named->second : nullptr;
}

result<price> price_table::price_of(const model_tokens& used) const {
  const auto* const said = used.model.empty() ? nullptr : find(used.model);
  if (said == nullptr) return fail(unpriced(used.model, ""));
  price out;
  for (const auto& kind : kinds) {
    const auto& each = said->*kind.said;
    if (!each && used.count.*kind.count > 0) return fail(unpriced(used.model, fmt::format(" for {}", kind.name)));
    out.*kind.each = each.value_or(0);
  }
  return out;
}

result<wide> price_table::cost_of(std::span<const model_tokens> used) const {
  wide sum;
  for (const auto& entry : used) {
    if (entry.count.processed() == 0) continue;
    const auto each = price_of(entry);
    if (!each) return fail(each.error());
    sum = sum + exact_cost(entry.count, *each);
  }
  return sum;
}

batch_costs price_table::costs_of(const ledger& accounts) const {
  std::vector<result<wide>> costs{cost_of(accounts.shared.by_model)};
  for (const auto& entry : accounts.by_task) costs.push_back(cost_of(entry.sum.by_model));
  std::vector<wide> known;
  for (const auto& cost : costs) known.push_back(cost.value_or(wide{}));
  const auto nano = to_nano_parts(known);

  batch_costs out;
  const auto cost_of_account = [&](std::size_t i, const account& sum) {
    return costs[i] && is_known(sum) ? std::optional(nano[i]) : std::nullopt;
  };
  out.shared = cost_of_account(0, accounts.shared);
  for (std::size_t i = 0; i < accounts.by_task.size(); ++i)
    out.by_task.push_back(cost_of_account(i + 1, accounts.by_task[i].sum));
  for (const auto& entry : accounts.total.by_model)
    if (const auto cost = cost_of({&entry, 1}); !cost)
      out.unpriced.push_back({std::string(name_of(cost.error().code)), cost.error().message});
  if (const auto sum = cost_of(accounts.total.by_model); sum && is_known(accounts.total)) out.total = to_nano(*sum);
  return out;
}

result<price_table> read_price_file(const std::filesystem::path& file) {
  const auto wrong = [&](const error& why) {
    return fail(why.code, fmt::format("the price file {} cannot be used: {}", file.string(), why.message));
  };
  const auto text = read_file(file, max_price_file_bytes);
  if (!text) return wrong(text.error());
  const auto all = json::parse(*text);
  if (!all) return wrong(all.error());
  if (all->as_object() == nullptr)
    return wrong({errc::wrong_type, fmt::format("it is {}, and must be an object with a member a model", all->kind())});
  return price_reader().read(*all->as_object());
}

}  // namespace v1
}  // namespace cobatch
