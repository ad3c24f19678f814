#include <fstream>

#include <doctest/doctest.h>

#include <cobatch/prices.hpp>

#include "unit/scratch_folder.hpp"

using namespace cobatch;
using namespace cobatch_test;

namespace {

result<price_table> reading(const std::string& text) {
  const scratch_folder folder;
  std::ofstream(folder.path() / "prices.json", std::ios::binary) << text;
  return read_price_file(folder.path() / "prices.json");
}

price_table read(const std::string& text) {
  auto table = reading(text);
  REQUIRE_MESSAGE(table, table.error().message);
  return std::move(*table);
}

// A file of one model, "m".
price_table one(const std::string& members) { return read("{\"m\": {" + members + "}}"); }

std::vector<std::string> codes(const price_table& table) {
  std::vector<std::string> out;
  for (const auto& fault : table.faults()) out.push_back(fault.what.code);
  return out;
}

const std::string prices_of_claude =
    R"("litellm_provider": "anthropic", "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05,
       "cache_creation_input_token_cost": 3.75e-06, "cache_creation_input_token_cost_above_1hr": 6e-06,
       "cache_read_input_token_cost": 3e-07)";

std::vector<model_tokens> using_tokens(const std::string& model, const tokens& count) { return {{model, count}}; }

// Done turns of these tasks, which used this.
std::vector<turn_record> turns_of(const std::vector<std::pair<std::string, std::vector<model_tokens>>>& used) {
  std::vector<turn_record> turns;
  for (const auto& [task, models] : used) {
    turn_record turn;
    if (!task.empty()) turn.task = task_id(task);
    turn.end = turn_end::done;
    turn.used = usage{.by_model = models};
    turns.push_back(std::move(turn));
  }
  return turns;
}

token_cost must_cost(const result<token_cost>& cost) {
  REQUIRE_MESSAGE(cost, cost.error().message);
  return *cost;
}

constexpr tokens each_kind{1, 1, 1, 1, 1, 1};

}  // namespace

TEST_CASE("prices are read exactly, in pico-dollars") {
  const auto table = one(prices_of_claude);
  CHECK(table.faults().empty());
  REQUIRE(table.find("m") != nullptr);
  CHECK(*table.find("m") == model_price{3'000'000, 3'750'000, 6'000'000, 300'000, 15'000'000, "anthropic"});
  CHECK(table.price_of({"m", each_kind}) == price{3'000'000, 3'750'000, 6'000'000, 300'000, 15'000'000});
}

TEST_CASE("prices are read however they are written") {
  for (const auto* const text : {"3e-06", "3E-6", "0.000003", "3.0000e-06", "2.9999999999999999e-06"})
    CHECK(one(std::string("\"input_cost_per_token\": ") + text).find("m")->input == 3'000'000);
  CHECK(one("\"input_cost_per_token\": 0").find("m")->input == 0);
  CHECK(one("\"input_cost_per_token\": 0.0").find("m")->input == 0);
  CHECK(one("\"input_cost_per_token\": 1").find("m")->input == max_price);
}

TEST_CASE("what is not about tokens is passed over") {
  const auto table =
      read(R"({"m": {"mode": "chat", "supports": [1], "input_cost_per_token": 1e-06, "deep": {"a": null}},
                              "image": {"input_cost_per_image": 0.02}})");
  CHECK(table.faults().empty());
  CHECK(table.find("m")->input == 1'000'000);
  CHECK(table.price_of({"image", {.uncached_input = 1}}).error().code == errc::unpriced_model);
}

TEST_CASE("a model is found under its exact name, and under no other that may be another model") {
  const auto table = read(R"({
    "alpha": {"litellm_provider": "maker", "input_cost_per_token": 1e-06},
    "beta-20250101": {"input_cost_per_token": 2e-06},
    "gamma-2025-01-01": {"input_cost_per_token": 3e-06},
    "delta-20250101": {"input_cost_per_token": 4e-06},
    "delta-20250202": {"input_cost_per_token": 4e-06},
    "epsilon": {"input_cost_per_token": 5e-06},
    "epsilon-20250101": {"input_cost_per_token": 6e-06},
    "shop/zeta": {"litellm_provider": "shop", "input_cost_per_token": 7e-06},
    "zeta": {"litellm_provider": "maker", "input_cost_per_token": 8e-06},
    "eta-mini-20250101": {"input_cost_per_token": 9e-06}
  })");
  const auto input_of = [&](std::string_view name) -> std::optional<std::int64_t> {
    const auto* const found = table.find(name);
    return found == nullptr ? std::nullopt : found->input;
  };
  CHECK(input_of("alpha") == 1'000'000);
  CHECK(input_of("maker/alpha") == 1'000'000);
  CHECK_FALSE(input_of("shop/alpha"));
  CHECK_FALSE(input_of("other/maker/alpha"));
  CHECK_FALSE(input_of("Alpha"));
  CHECK_FALSE(input_of("alph"));
  CHECK_FALSE(input_of("alpha-20250101"));
  CHECK(input_of("beta") == 2'000'000);
  CHECK_FALSE(input_of("beta-20250202"));
  CHECK(input_of("gamma") == 3'000'000);
  CHECK_FALSE(input_of("delta"));
  CHECK(input_of("epsilon") == 5'000'000);
  CHECK(input_of("shop/zeta") == 7'000'000);
  CHECK(input_of("maker/zeta") == 8'000'000);
  CHECK_FALSE(input_of("eta"));
  CHECK_FALSE(input_of(""));
  CHECK_FALSE(input_of("/"));
}

TEST_CASE("a price that the tokens need and the file does not say makes them unpriced, and no other") {
  const auto table = one(R"("litellm_provider": "anthropic", "input_cost_per_token": 3e-06,
                            "cache_creation_input_token_cost": 3.75e-06)");
  CHECK(table.price_of({"m", {.uncached_input = 1, .cache_write_5m = 1}}) ==
        price{.input = 3'000'000, .cache_write_5m = 3'750'000});
  for (const auto& needed : {tokens{.cache_write_1h = 1}, tokens{.cache_read = 1}, tokens{.output = 1}})
    CHECK(table.price_of({"m", needed}).error().code == errc::unpriced_model);
  const auto why = table.price_of({"m", {.cache_write_1h = 1}}).error().message;
  CHECK(why.find("model \"m\" has no price for cache writes for 1 hour") != std::string::npos);
  CHECK(why.find("--prices FILE") != std::string::npos);
}

TEST_CASE("cache writes are free only where another provider than Anthropic asks nothing for any") {
  const std::string input = R"(, "input_cost_per_token": 1e-06)";
  const auto writes = [&](const std::string& members) {
    const auto table = one(members + input);
    return std::pair(table.find("m")->cache_write_5m, table.find("m")->cache_write_1h);
  };
  using pair = std::pair<std::optional<std::int64_t>, std::optional<std::int64_t>>;
  CHECK(writes(R"("litellm_provider": "openai")") == pair{0, 0});
  CHECK(writes(R"("litellm_provider": "openai", "cache_creation_input_token_cost": null)") == pair{0, 0});
  CHECK(writes(R"("litellm_provider": "bedrock", "cache_creation_input_token_cost": 1e-06)") ==
        pair{1'000'000, std::nullopt});
  CHECK(writes(R"("litellm_provider": "bedrock", "cache_creation_input_token_cost": "?")") == pair{});
  CHECK(writes(R"("litellm_provider": "anthropic")") == pair{});
  CHECK(writes(R"("litellm_provider": "vertex_ai-anthropic_models")") == pair{});
}

TEST_CASE("prices of Anthropic's that contradict each other are left out, and said") {
  const auto with = [](const std::string& provider, const std::string& last) {
    return one(R"("input_cost_per_token": 3e-06, "cache_creation_input_token_cost": 3.75e-06,
                  "cache_creation_input_token_cost_above_1hr": 6e-06, "cache_read_input_token_cost": 3e-07,
                  "litellm_provider": ")" +
               provider + "\", " + last);
  };
  const std::vector<std::string> contradictions{R"("cache_creation_input_token_cost_above_1hr": 7.2e-05)",
                                                R"("cache_creation_input_token_cost": 2.9e-06)",
                                                R"("cache_read_input_token_cost": 3e-06)"};
  for (const auto& wrong : contradictions) {
    CAPTURE(wrong);
    const auto table = with("anthropic", wrong);
    CHECK(codes(table) == std::vector<std::string>{"price_contradiction"});
    CHECK(table.find("m") == nullptr);
    CHECK(with("openai", wrong).find("m") != nullptr);
  }
  const auto message = with("anthropic", contradictions.front()).faults().front().what.message;
  for (const auto* const part : {"\"m\"", "$0.000072", "1 hour", "$0.000003", "2 times"})
    CHECK(message.find(part) != std::string::npos);
}

TEST_CASE("a price that is none is left out and said, and the others are kept") {
  for (const auto* const wrong : {"-1e-06", "-1", "1.1", "1e300", "99999999999999999999", "\"3e-06\"", "true", "[]"}) {
    CAPTURE(wrong);
    const auto table = one(std::string(R"("output_cost_per_token": 2e-06, "input_cost_per_token": )") + wrong);
    CHECK(codes(table) == std::vector<std::string>{"price_unusable"});
    CHECK(table.faults().front().what.message.find("\"m\"") != std::string::npos);
    CHECK_FALSE(table.find("m")->input);
    CHECK(table.find("m")->output == 2'000'000);
  }
  const auto table = read(R"({"m": 3, "n": {"input_cost_per_token": 1e-06}})");
  CHECK(codes(table) == std::vector<std::string>{"price_unusable"});
  CHECK(table.find("m") == nullptr);
  CHECK(table.find("n") != nullptr);
}

TEST_CASE("what is wrong with an entry is said of the models that it could stand for, and of no other") {
  const auto table = read(R"({"m": {"input_cost_per_token": "?"}, "n-20250101": 3, "other": 4})");
  const auto why_not = [&](const std::string& model) {
    return table.price_of({model, {.uncached_input = 1}}).error().message;
  };
  for (const char* model : {"m", "maker/m", "n", "n-20250101"}) {
    CAPTURE(model);
    CHECK(why_not(model).find("cannot be used whole") != std::string::npos);
    CHECK(why_not(model).find("other") == std::string::npos);
  }
  for (const char* model : {"mm", "am", "n-2", "n-20250101-x", "o", ""}) {
    CAPTURE(model);
    CHECK(why_not(model).find("cannot be used whole") == std::string::npos);
  }
}

TEST_CASE("a file that is no price file is refused, with its name and why") {
  CHECK(reading("{").error().code == errc::bad_json);
  CHECK(reading("{\"m\": {\"input_cost_per_token\": NaN}}").error().code == errc::bad_json);
  CHECK(reading("\xFF").error().code == errc::bad_encoding);
  CHECK(reading("[]").error().code == errc::wrong_type);
  CHECK(reading("").error().code == errc::bad_json);
  CHECK(reading("[]").error().message.find("prices.json") != std::string::npos);
  CHECK(read_price_file("/no/such/file").error().code == errc::io_error);
  CHECK(read_price_file("/").error().code == errc::io_error);
  CHECK(read("{}").empty());
}

TEST_CASE("a price file that is too large is refused") {
  const scratch_folder folder;
  const auto file = folder.path() / "prices.json";
  std::ofstream(file) << "{}";
  std::filesystem::resize_file(file, max_price_file_bytes + 1);
  CHECK(read_price_file(file).error().code == errc::too_large);
}

TEST_CASE("what a turn cost is the sum over its models, exactly") {
  const auto table = read("{\"m\": {" + prices_of_claude + "}, \"n\": {\"input_cost_per_token\": 1e-12}}");
  const std::vector<model_tokens> used{{"m", {1000, 100, 10, 10'000, 500, 200}}, {"n", {.uncached_input = 7}}};
  CHECK(table.cost_of(used) == token_cost{wide{0, 1000ULL * 3'000'000 + 100 * 3'750'000 + 10 * 6'000'000 +
                                                      10'000ULL * 300'000 + 500ULL * 15'000'000 + 7}});
  CHECK(table.cost_of({}) == token_cost{});
}

TEST_CASE("a turn with a model that has no price has no cost") {
  const auto table = one(prices_of_claude);
  auto used = using_tokens("m", each_kind);
  used.push_back({"unknown", {.output = 1}});
  const auto cost = table.cost_of(used);
  REQUIRE_FALSE(cost);
  CHECK(cost.error().code == errc::unpriced_model);
  CHECK(cost.error().message.find("model \"unknown\" has no price") != std::string::npos);
  CHECK(table.cost_of(using_tokens("", each_kind)).error().message.find("did not say") != std::string::npos);
  CHECK(table.cost_of(using_tokens("unknown", {})) == token_cost{});
  CHECK(price_table().cost_of(using_tokens("m", each_kind)).error().code == errc::unpriced_model);
}

TEST_CASE(
    "what turns cost one by one is a lower bound once one may cost more or has no price, and the first is named") {
  running_cost sum;
  sum.add(token_cost{wide{0, 1'500}, {}});
  sum.add(token_cost{wide{0, 1'500}, {}});
  CHECK(sum.nano_dollars() == 3);
  CHECK_FALSE(sum.at_least);
  SUBCASE("it may cost more") {
    sum.add(token_cost{wide{0, 1'000}, "why"});
    CHECK(sum.nano_dollars() == 4);
    CHECK_FALSE(sum.unpriced);
  }
  SUBCASE("it has no price") {
    sum.add(fail(errc::unpriced_model, "the first"));
    sum.add(fail(errc::unpriced_model, "the second"));
    CHECK(sum.nano_dollars() == 3);
    CHECK(sum.unpriced.value().message == "the first");
  }
  CHECK(sum.at_least);
}

TEST_CASE("what the parts of a batch cost adds up to its total, to the nano-dollar") {
  const auto one_token = using_tokens("m", {.uncached_input = 1});
  const auto costs = one(R"("input_cost_per_token": 4e-10)")
                         .costs_of(make_ledger(turns_of({{"", one_token}, {"a", one_token}, {"b", one_token}})));
  CHECK(costs.total == account_cost{1, false});
  REQUIRE(costs.by_task.size() == 2);
  const auto nano = [](const auto& cost) { return cost.value().nano_dollars; };
  CHECK(nano(costs.shared) + nano(costs.by_task[0]) + nano(costs.by_task[1]) == 1);
  CHECK(costs.warnings.empty());
}

TEST_CASE("of a batch that used models without a price each is named, and only what it used has no cost") {
  const auto costs = one(prices_of_claude)
                         .costs_of(make_ledger(turns_of({{"a", using_tokens("m", each_kind)},
                                                         {"b", using_tokens("odd", each_kind)},
                                                         {"b", using_tokens("odder", each_kind)}})));
  CHECK_FALSE(costs.total);
  CHECK(costs.shared == account_cost{});
  REQUIRE(costs.by_task.size() == 2);
  CHECK(costs.by_task[0]);
  CHECK_FALSE(costs.by_task[1]);
  REQUIRE(costs.warnings.size() == 2);
  CHECK(costs.warnings[0].code == "unpriced_model");
  CHECK(costs.warnings[0].message.find("\"odd\"") != std::string::npos);
  CHECK(costs.warnings[1].message.find("\"odder\"") != std::string::npos);
}

// Twice the price above 200,000 tokens of input.
const std::string prices_with_a_tier =
    R"("input_cost_per_token": 1e-06, "output_cost_per_token": 4e-06, "cache_read_input_token_cost": 1e-07,
       "input_cost_per_token_above_200k_tokens": 2e-06, "output_cost_per_token_above_200k_tokens": 8e-06,
       "cache_read_input_token_cost_above_200k_tokens": 2e-07)";

TEST_CASE("a request above a tier costs that tier's price, and one that cannot be above it the lower one") {
  const auto table = one(prices_with_a_tier);
  const auto cost = [&](const model_tokens& used) { return must_cost(table.cost_of({&used, 1})); };
  const model_tokens small{"m", {.uncached_input = 100'000, .cache_read = 100'000, .output = 10}};
  CHECK(cost(small) == token_cost{wide{0, 100'000ULL * 1'000'000 + 100'000ULL * 100'000 + 10 * 4'000'000ULL}});
  const model_tokens many_small{"m", {.uncached_input = 400'000}, 200'000};
  CHECK(cost(many_small) == token_cost{wide{0, 400'000ULL * 1'000'000}});
}

TEST_CASE("where nobody knows how large each request was, the cost is at least the lower one, and it is said") {
  const auto table = one(prices_with_a_tier);
  const model_tokens used{"m", {.uncached_input = 400'000, .output = 10}};
  const auto cost = must_cost(table.cost_of({&used, 1}));
  CHECK(cost.pico_dollars == wide{0, 400'000ULL * 1'000'000 + 10 * 4'000'000ULL});
  CHECK(cost.at_least.find("\"m\"") != std::string::npos);
  CHECK(cost.at_least.find("200000") != std::string::npos);
  const auto costs = table.costs_of(make_ledger(turns_of({{"a", {used}}, {"b", using_tokens("m", each_kind)}})));
  CHECK(costs.total.value().at_least);
  CHECK(costs.by_task[0].value().at_least);
  CHECK_FALSE(costs.by_task[1].value().at_least);
  REQUIRE(costs.warnings.size() == 1);
  CHECK(costs.warnings[0].code == "price_at_least");
}

TEST_CASE("turns that are small one by one are not large together") {
  const auto costs = one(prices_with_a_tier)
                         .costs_of(make_ledger(turns_of({{"a", using_tokens("m", {.uncached_input = 150'000})},
                                                         {"a", using_tokens("m", {.uncached_input = 150'000})}})));
  CHECK(costs.total == account_cost{300'000'000, false});
}

TEST_CASE("tiers are read in thousands, in full and as ranges, each price on its own") {
  const auto tiers = [](const std::string& members) {
    std::vector<std::pair<std::int64_t, std::optional<std::int64_t>>> out;
    const auto table = one(members);
    for (const auto& tier : table.find("m")->tiers) out.emplace_back(tier.above, tier.input);
    return out;
  };
  using list = std::vector<std::pair<std::int64_t, std::optional<std::int64_t>>>;
  const std::string base = R"("input_cost_per_token": 1e-06, )";
  CHECK(tiers(base + R"("input_cost_per_token_above_256k_tokens": 3e-06,
                        "input_cost_per_token_above_128000_tokens": 2e-06)") ==
        list{{128'000, 2'000'000}, {256'000, 3'000'000}});
  CHECK(tiers(base + R"("output_cost_per_token_above_128k_tokens": 2e-06)") == list{{128'000, std::nullopt}});
  for (const auto* const other :
       {"input_cost_per_token_above_200k_tokens_priority", "input_cost_per_token_above_xk_tokens",
        "input_cost_per_token_above__tokens", "input_cost_per_token_above_-1k_tokens",
        "input_cost_per_audio_token_above_128k_tokens", "input_cost_per_token_batches"})
    CHECK(tiers(base + "\"" + other + "\": 2e-06") == list{});
  const std::string ranges = R"("tiered_pricing": [{"range": [0, 32000.0], "input_cost_per_token": 1e-06},
                                                  {"range": [32000.0, 1e5], "input_cost_per_token": 2e-06}])";
  CHECK(tiers(ranges) == list{{32'000, 2'000'000}});
  CHECK(one(ranges).find("m")->input == 1'000'000);
  CHECK(one(R"("cache_creation_input_token_cost_above_1hr": 6e-06,
               "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 7e-06)")
            .find("m")
            ->tiers.front()
            .cache_write_1h == 7'000'000);
}

TEST_CASE("what an entry asks for beside tokens makes the cost a lower bound, by its name") {
  for (const auto* const more : {"input_cost_per_request", "input_cost_per_character", "output_cost_per_second",
                                 "output_cost_per_reasoning_token"}) {
    CAPTURE(more);
    const auto table =
        one(R"("input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06, ")" + std::string(more) + "\": 3e-06");
    const auto cost = must_cost(table.cost_of(using_tokens("m", {.uncached_input = 1})));
    CHECK(cost.at_least.find(more) != std::string::npos);
  }
  for (const auto* const nothing : {R"("input_cost_per_request": 0)", R"("output_cost_per_reasoning_token": 2e-06)",
                                    R"("output_cost_per_image": 1e-06)", R"("input_cost_per_token_flex": 1e-06)"})
    CHECK(must_cost(one(R"("input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06, )" + std::string(nothing))
                        .cost_of(using_tokens("m", {.uncached_input = 1})))
              .at_least.empty());
}

TEST_CASE("a turn that was one request above a tier costs exactly that tier's price") {
  const auto table = one(prices_with_a_tier);
  const model_tokens single{"m", {.uncached_input = 250'000, .output = 10}, 250'000};
  CHECK(must_cost(table.cost_of({&single, 1})) == token_cost{wide{0, 250'000ULL * 2'000'000 + 10 * 8'000'000ULL}});
}

TEST_CASE("a range of tiered_pricing asks for all that an entry can ask for") {
  const auto table = one(
      R"("litellm_provider": "maker", "tiered_pricing": [
           {"range": [0, 256000], "input_cost_per_token": 1e-06, "cache_creation_input_token_cost": 2e-06},
           {"range": [256000, 1e6], "input_cost_per_token": 3e-06, "output_cost_per_reasoning_token": 9e-06}])");
  CHECK(table.find("m")->cache_write_5m == 2'000'000);
  CHECK(must_cost(table.cost_of(using_tokens("m", {.uncached_input = 1}))).at_least.find("reasoning") !=
        std::string::npos);
}

TEST_CASE("a price above some tokens that cannot be read leaves the cost a lower bound, and is named") {
  for (const auto* const wrong :
       {R"("input_cost_per_token_above_200k_tokens": "6e-6")", R"("input_cost_per_token_above_200k_tokens": 6)",
        R"("input_cost_per_token_above_1m_tokens": 6e-06)", R"("input_cost_per_request": "0.01")",
        R"("tiered_pricing": [{"range": ["128k", "1M"], "input_cost_per_token": 9e-06}])",
        R"("tiered_pricing": [{"input_cost_per_token": 9e-06}])"}) {
    CAPTURE(wrong);
    const auto table = one(R"("input_cost_per_token": 1e-06, )" + std::string(wrong));
    CHECK(table.find("m")->input == 1'000'000);
    CHECK_FALSE(must_cost(table.cost_of(using_tokens("m", {.uncached_input = 250'000}))).at_least.empty());
  }
}
