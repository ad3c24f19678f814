#include <algorithm>
#include <array>
#include <charconv>
#include <functional>

#include <fmt/format.h>

#include <cobatch/prices.hpp>

#include "base/json.hpp"
#include "os/files.hpp"
#include "workspace/workspace.hpp"

namespace cobatch {

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

// "200k" and "200000", of "_above_200k_tokens"; nothing of any other text.
std::optional<std::int64_t> read_tier(std::string_view suffix) {
  constexpr std::string_view before = "_above_", behind = "_tokens";
  if (!suffix.starts_with(before) || !suffix.ends_with(behind) || suffix.size() < before.size() + behind.size())
    return std::nullopt;
  suffix = suffix.substr(before.size(), suffix.size() - before.size() - behind.size());
  const bool thousands = suffix.ends_with('k');
  if (thousands) suffix.remove_suffix(1);
  std::int64_t count = 0;
  const auto [end, failed] = std::from_chars(suffix.data(), suffix.data() + suffix.size(), count);
  if (failed != std::errc{} || end != suffix.data() + suffix.size() || count <= 0 || count > max_reported_tokens)
    return std::nullopt;
  return thousands ? count * 1000 : count;
}

std::optional<std::int64_t> read_number(const json::value& given, int decimals) {
  const bool is_number = given.as_int() != nullptr || given.as_number() != nullptr;
  const auto read = is_number ? json::read_decimal(json::write(given), decimals) : std::nullopt;
  return read ? std::optional(read->value) : std::nullopt;
}

// A member of an entry that asks for something which a text model is charged for, and which is not among its tokens.
bool asks_for_more(std::string_view member, const json::value& given, const json::object& entry) {
  const auto has = [&](std::string_view part) { return member.find(part) != std::string_view::npos; };
  if (has("_cost_per_reasoning_token"))
    return std::none_of(entry.begin(), entry.end(), [&](const json::member& other) {
      return other.name == "output_cost_per_token" && other.content == given;
    });
  return given != json::value(0) &&
         (has("_cost_per_request") || has("_cost_per_query") || has("_cost_per_character") || has("_cost_per_second"));
}

// "anthropic", and "vertex_ai-anthropic_models".
bool is_anthropics(const model_price& model) { return model.provider.find("anthropic") != std::string::npos; }

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
    return price_table(std::move(models_), std::move(faults_));
  }

 private:
  // An entry as it is read.
  struct entry {
    std::string name;
    model_price model;
    std::map<std::int64_t, model_price> tiers;
    bool asks_for_writes = false;
  };

  model_price read_model(const std::string& name, const json::value& from) {
    entry read{name, {}, {}, false};
    read.model.provider = json::text_of(from, "litellm_provider");
    read.asks_for_writes = is_anthropics(read.model);
    read_members(*from.as_object(), read, read.model);
    if (const json::array* ranges = json::array_of(from, "tiered_pricing"))
      for (const auto& range : *ranges) read_range(range, read);
    for (auto& [above, tier] : read.tiers) {
      tier.above = above;
      read.model.tiers.push_back(std::move(tier));
    }
    if (!read.asks_for_writes) read.model.cache_write_5m = read.model.cache_write_1h = 0;
    return std::move(read.model);
  }

  // One of `tiered_pricing`: prices of requests whose input is in `range`, [from, to].
  void read_range(const json::value& range, entry& to) {
    const json::array* ends = json::array_of(range, "range");
    const auto from = ends == nullptr || ends->empty() ? std::nullopt : read_number(ends->front(), 0);
    if (!from || *from > max_reported_tokens) {
      unusable(to.name, "a range of tiered_pricing has no number where it begins");
      return not_counted("tiered_pricing", to);
    }
    read_members(*range.as_object(), to, *from == 0 ? to.model : to.tiers[*from]);
  }

  // The prices among the members of an object; what they are above a number of tokens goes to that tier.
  void read_members(const json::object& from, entry& to, model_price& here) {
    for (const auto& [member, given] : from) {
      if (given.is_null()) continue;
      for (const auto& kind : kinds) {
        if (!member.starts_with(kind.member)) continue;
        const std::string_view suffix = std::string_view(member).substr(kind.member.size());
        const auto above = read_tier(suffix);
        if (above || suffix.empty()) {
          const auto price = read_price(to.name, member, given);
          (above ? to.tiers[*above] : here).*kind.said = price;
          to.asks_for_writes = to.asks_for_writes || kind.is_write;
          if (above && !price) not_counted(member, to);
        } else if (suffix.starts_with("_above_") && suffix.ends_with("_tokens") && suffix.find("1hr") == suffix.npos) {
          not_counted(member, to);
        }
      }
      if (asks_for_more(member, given, from)) not_counted(member, to);
    }
  }

  static void not_counted(std::string_view member, entry& in) {
    auto& all = in.model.not_counted;
    if (std::find(all.begin(), all.end(), member) == all.end()) all.emplace_back(member);
  }

  std::optional<std::int64_t> read_price(const std::string& name, std::string_view member, const json::value& given) {
    const auto read = read_number(given, pico);
    if (read && *read <= max_price) return read;
    const bool is_number = given.as_int() != nullptr || given.as_number() != nullptr;
    unusable(name, fmt::format("{} is {}, and must be a number from 0 to 1", member,
                               is_number ? json::write(given) : given.kind()));
    return std::nullopt;
  }

  bool contradicts(const std::string& name, const model_price& m) {
    if (!is_anthropics(m) || !m.input) return false;
    const auto said = [&](std::string_view what, std::int64_t figure, std::string_view rule) {
      faults_.push_back({name,
                         {"price_contradiction",
                          fmt::format("the price file asks ${} a token for {} of \"{}\" and ${} for input, but {}; the "
                                      "model is left out, and what it uses has no price. Correct the file",
                                      json::write_decimal(figure, pico, 1), what, name,
                                      json::write_decimal(*m.input, pico, 1), rule)}});
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
    faults_.push_back({name,
                       {"price_unusable", fmt::format("the price file's entry \"{}\" cannot be used whole: {}. What is "
                                                      "wrong is left out; correct the file",
                                                      name, why)}});
  }

  std::map<std::string, model_price, std::less<>> models_;
  std::vector<price_fault> faults_;
};

// True if a model could be found under this entry of a file.
bool may_stand_for(std::string_view entry, std::string_view model) {
  if (entry == model) return true;
  if (model.size() > entry.size()) return model.ends_with(entry) && model[model.size() - entry.size() - 1] == '/';
  return entry.starts_with(model) && entry[model.size()] == '-' && is_date(entry.substr(model.size() + 1));
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

error price_table::unpriced(const model_tokens& used, std::string what_is_missing) const {
  if (used.model.empty())
    return {errc::unpriced_model,
            "a turn used a model whose name the agent did not say, so what it used cannot be counted in dollars. Name "
            "the model that is to be used, with --model"};
  for (const auto& fault : faults_)
    if (may_stand_for(fault.entry, used.model)) what_is_missing += fmt::format(" ({})", fault.what.message);
  return {
      errc::unpriced_model,
      fmt::format("model \"{}\" has no price{}, so what it uses cannot be counted in dollars. Give a price file that "
                  "has it under this name, with --prices FILE",
                  used.model, what_is_missing)};
}

result<price_table::price_range> price_table::range_of(const model_tokens& used) const {
  const auto* const said = used.model.empty() ? nullptr : find(used.model);
  if (said == nullptr) return fail(unpriced(used, ""));
  price_range out;
  for (const auto& kind : kinds) {
    auto each = said->*kind.said;
    if (!each && used.count.*kind.count > 0) return fail(unpriced(used, fmt::format(" for {}", kind.name)));
    out.lowest.*kind.each = out.highest.*kind.each = each.value_or(0);
    // All its tokens are of one request.
    const bool is_one = used.largest_request > 0 && used.largest_request == used.count.input();
    for (const auto& tier : said->tiers) {
      if (used.most_input_at_once() <= tier.above) break;
      if (const auto& other = tier.*kind.said) each = other;
      if (is_one) out.lowest.*kind.each = out.highest.*kind.each = each.value_or(0);
      out.lowest.*kind.each = std::min(out.lowest.*kind.each, each.value_or(0));
      out.highest.*kind.each = std::max(out.highest.*kind.each, each.value_or(0));
    }
  }
  return out;
}

result<price> price_table::price_of(const model_tokens& used) const {
  return range_of(used).map([](const price_range& range) { return range.lowest; });
}

std::string price_table::why_at_least(const model_tokens& used, const price_range& range) const {
  if (exact_cost(used.count, range.lowest) != exact_cost(used.count, range.highest))
    return fmt::format(
        "model \"{}\" costs more for a request with more input than {} tokens, and how large each request was is not "
        "known in full",
        used.model, find(used.model)->tiers.front().above);
  const auto& more = find(used.model)->not_counted;
  if (more.empty()) return {};
  return fmt::format("what the price file asks of model \"{}\" as {} is not counted", used.model,
                     fmt::join(more, ", "));
}

result<token_cost> price_table::cost_of(std::span<const model_tokens> used) const {
  token_cost sum;
  for (const auto& entry : used) {
    if (entry.count.processed() == 0) continue;
    const auto range = range_of(entry);
    if (!range) return fail(range.error());
    sum.pico_dollars = sum.pico_dollars + exact_cost(entry.count, range->lowest);
    if (sum.at_least.empty()) sum.at_least = why_at_least(entry, *range);
  }
  return sum;
}

batch_costs price_table::costs_of(const ledger& accounts) const {
  std::vector<result<token_cost>> costs{cost_of(accounts.shared.by_model)};
  for (const auto& entry : accounts.by_task) costs.push_back(cost_of(entry.sum.by_model));
  std::vector<wide> known;
  for (const auto& cost : costs) known.push_back(cost ? cost->pico_dollars : wide{});
  const auto nano = to_nano_parts(known);

  batch_costs out;
  const auto cost_of_account = [&](std::size_t i, const account& sum) {
    return costs[i] && is_known(sum) ? std::optional(account_cost{nano[i], !costs[i]->at_least.empty()}) : std::nullopt;
  };
  out.shared = cost_of_account(0, accounts.shared);
  for (std::size_t i = 0; i < accounts.by_task.size(); ++i)
    out.by_task.push_back(cost_of_account(i + 1, accounts.by_task[i].sum));
  for (const auto& entry : accounts.total.by_model) {
    const auto cost = cost_of({&entry, 1});
    if (!cost)
      out.warnings.push_back({std::string(name_of(cost.error().code)), cost.error().message});
    else if (!cost->at_least.empty())
      out.warnings.push_back({"price_at_least", "the cost is at least what is shown: " + cost->at_least});
  }
  if (const auto sum = cost_of(accounts.total.by_model); sum && is_known(accounts.total))
    out.total = account_cost{to_nano(sum->pico_dollars), !sum->at_least.empty()};
  return out;
}

price_table read_prices(const json::object& prices) { return price_reader().read(prices); }

result<price_table> v1::read_price_file(const std::filesystem::path& file) {
  const auto wrong = [&](const error& why) {
    return fail(why.code, fmt::format("the price file {} cannot be used: {}", file.string(), why.message));
  };
  const auto text = read_file(file, max_price_file_bytes);
  if (!text) return wrong(text.error());
  const auto all = json::parse(*text);
  if (!all) return wrong(all.error());
  if (all->as_object() == nullptr)
    return wrong({errc::wrong_type, fmt::format("it is {}, and must be an object with a member a model", all->kind())});
  return read_prices(*all->as_object());
}

}  // namespace cobatch
