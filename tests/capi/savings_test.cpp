#include "capi/host.hpp"

using namespace cobatch_test;

namespace {

struct account {
  std::string task;
  std::int64_t position, turns, wasted_turns, turns_without_usage, output, cache_read;
  bool incomplete, scripted;

  friend bool operator==(const account&, const account&) = default;
};

std::vector<account> accounts_in(cobatch_reply* reply) {
  return all_in(reply, cobatch_reply_next_account, [](const cobatch_account_info& a) {
    return account{copy_of(a.task), a.position,        a.turns,           a.wasted_turns, a.turns_without_usage,
                   a.used.output,   a.used.cache_read, a.incomplete != 0, a.scripted != 0};
  });
}

owned<cobatch_reply> savings_of(cobatch_workspace* place) {
  return make<cobatch_reply>(cobatch_savings, place, cobatch_str("b1"));
}

answer refused(cobatch_workspace* place, std::string_view batch) {
  return call(cobatch_savings, place, text(batch), nullptr);
}

// Each task costs 10 tokens of output, if it says what it costs.
host::turn_function costs_ten_unless(std::string_view silent) {
  return [=](const cobatch_turn_request& request, cobatch_turn* turn) {
    const cobatch_model_tokens models[]{{cobatch_str("m"), {0, 0, 0, 0, 10, 0}}};
    cobatch_usage usage = COBATCH_USAGE_INIT;
    usage.models = models;
    usage.model_count = 1;
    return complete(turn, COBATCH_TURN_DONE, "ok", copy_of(request.task) == silent ? nullptr : &usage).status;
  };
}

struct bill {
  list costs, models, warnings;  // a cost in nano-dollars, "?" where it is not known
};

bill bill_of(cobatch_workspace* place, const scratch_folder& folder, std::string_view prices) {
  const std::string file = (folder.path() / "prices.json").native();
  std::ofstream(file) << prices;
  const auto reply = make<cobatch_reply>(cobatch_savings_at_prices, place, cobatch_str("b1"), text(file));
  bill made;
  made.costs = all_in(reply.get(), cobatch_reply_next_account, [&](const cobatch_account_info& account) {
    std::string models;
    for (std::size_t i = 0; i < account.model_count; ++i)
      models += copy_of(account.models[i].model) + " " + std::to_string(account.models[i].tokens.output) + ";";
    made.models.push_back(models);
    if (account.has_cost == 0) CHECK(account.nano_dollars == 0);
    return account.has_cost != 0 ? std::to_string(account.nano_dollars) : "?";
  });
  made.warnings = warnings_in(reply.get());
  auto compared = fresh<cobatch_savings_info>();
  must(cobatch_reply_savings, reply.get(), &compared);
  return made;
}

// Each task writes a token with a model of its own name, and with "m".
host::turn_function writes_with_two_models() {
  return [](const cobatch_turn_request& request, cobatch_turn* turn) {
    const cobatch_model_tokens models[]{{request.task, {0, 0, 0, 0, 1, 0}}, {cobatch_str("m"), {0, 0, 0, 0, 1, 0}}};
    cobatch_usage usage = COBATCH_USAGE_INIT;
    usage.models = models;
    usage.model_count = 2;
    return complete(turn, COBATCH_TURN_DONE, "ok", &usage).status;
  };
}

}  // namespace

TEST_CASE("the guide's batch, as its figures were measured, cost 53.8K tokens instead of 140.3K in the guide's count") {
  const scratch_workspace place;
  assign_all(place, {"create_doc_1", "create_doc_2", "create_doc_3"}, "b1");
  run_all(place, make<cobatch_agent>(cobatch_agent_scripted, cobatch_str(paths::guide_figures.c_str())));
  const auto reply = savings_of(place);
  auto compared = fresh<cobatch_savings_info>();
  must(cobatch_reply_savings, reply.get(), &compared);
  must(cobatch_reply_savings, reply.get(), &compared);
  CHECK(compared.has_guide == 1);
  CHECK(compared.guide_without == 3 * 45'000 + 2000 + 1500 + 1800);
  // What later tasks wrote into the cache was loaded anew, too.
  CHECK(compared.guide_with == 45'000 + 2000 + (2000 + 1500) + (1500 + 1800));
  CHECK(compared.guide_saved == compared.guide_without - compared.guide_with);
  CHECK(compared.guide_saved_permille == 617);
  CHECK(compared.has_processed == 1);
  CHECK(compared.processed == 45'000 + 2000 + 47'000 + 1500 + 48'500 + 1800);
  CHECK(compared.cache_read == 45'000 + 47'000);
  CHECK(accounts_in(reply.get()) == std::vector<account>{{"", 0, 3, 0, 0, 5300, 92'000, false, true},
                                                         {"create_doc_1", 1, 1, 0, 0, 2000, 0, false, true},
                                                         {"create_doc_2", 2, 1, 0, 0, 1500, 45'000, false, true},
                                                         {"create_doc_3", 3, 1, 0, 0, 1800, 47'000, false, true}});
  auto batch = fresh<cobatch_batch_info>();
  must(cobatch_reply_next_batch, reply.get(), &batch);
  CHECK(copy_of(batch.id) == "b1");
}

TEST_CASE("where nobody knows what a task used, the sums are a lower bound and nothing is compared") {
  const scratch_workspace place;
  assign_all(place, {"a", "silent"}, "b1");
  host works(costs_ten_unless("silent"));
  run_all(place, works.agent());
  const auto reply = savings_of(place);
  CHECK(accounts_in(reply.get()) == std::vector<account>{{"", 0, 2, 0, 1, 10, 0, true, false},
                                                         {"a", 1, 1, 0, 0, 10, 0, false, false},
                                                         {"silent", 2, 1, 0, 1, 0, 0, true, false}});
  auto compared = fresh<cobatch_savings_info>();
  must(cobatch_reply_savings, reply.get(), &compared);
  CHECK(compared.has_guide == 0);
  CHECK(compared.has_processed == 0);
  CHECK(compared.guide_without == 0);
  CHECK(compared.processed == 0);
}

TEST_CASE("a turn that came to nothing is counted as waste") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  host works;
  works.on_turn = [&](const cobatch_turn_request& request, cobatch_turn* turn) {
    const auto completed = costs_ten_unless("")(request, turn);
    return request.attempt == 1 ? COBATCH_E_CALLBACK : completed;
  };
  run_all(place, works.agent());
  const auto reply = savings_of(place);
  auto whole = fresh<cobatch_account_info>();
  must(cobatch_reply_next_account, reply.get(), &whole);
  CHECK(whole.turns == 2);
  CHECK(whole.wasted_turns == 1);
  CHECK(whole.has_cost == 0);
  CHECK(whole.used.output == 20);
  CHECK(whole.waste.output == 10);
}

TEST_CASE("a batch of which no turn has told its usage has no savings to show") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  CHECK(refused(place, "b1") == COBATCH_E_NO_USAGE);
  host works;
  run_all(place, works.agent());
  CHECK(refused(place, "b1") == COBATCH_E_NO_USAGE);
  CHECK(refused(place, "none") == COBATCH_E_BATCH_NOT_FOUND);
  CHECK(refused(place, "") == COBATCH_E_BAD_ID);
}

TEST_CASE("what tasks and batch cost at list prices is exact, and adds up to the nano-dollar") {
  const scratch_workspace place;
  assign_all(place, {"a", "b", "c"}, "b1");
  host works(costs_ten_unless(""));
  run_all(place, works.agent());
  SUBCASE("in whole nano-dollars") {
    const auto bill = bill_of(place, place.folder, R"({"m": {"output_cost_per_token": 1.5e-05}})");
    CHECK(bill.costs == list{"450000", "150000", "150000", "150000"});
    CHECK(bill.models == list{"m 30;", "m 10;", "m 10;", "m 10;"});
    CHECK(bill.warnings == list{});
  }
  SUBCASE("in parts of them: 0.4 a task are 1.2 together") {
    const auto bill = bill_of(place, place.folder, R"({"m": {"output_cost_per_token": 4e-11}})");
    CHECK(bill.costs.front() == "1");
    std::int64_t sum = 0;
    for (std::size_t i = 1; i < bill.costs.size(); ++i) sum += std::stoll(bill.costs[i]);
    CHECK(sum == 1);
  }
}

TEST_CASE("what used a model without a price has no cost, and each such model is named") {
  const scratch_workspace place;
  assign_all(place, {"a", "odd"}, "b1");
  host works(writes_with_two_models());
  run_all(place, works.agent());
  const std::string prices = R"({"a": {"output_cost_per_token": 1e-6}, "m": {"output_cost_per_token": 2e-6},
                                 "x": {"input_cost_per_token": 2}})";
  const auto bill = bill_of(place, place.folder, prices);
  CHECK(bill.costs == list{"?", "3000", "?"});
  CHECK(bill.models == list{"a 1;m 2;odd 1;", "a 1;m 1;", "odd 1;m 1;"});
  CHECK(bill.warnings == list{"unpriced_model"});
}

TEST_CASE("a file of prices that is none is refused, and no reply is made") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  host works(costs_ten_unless(""));
  run_all(place, works.agent());
  const std::string file = (place.folder.path() / "prices.json").native();
  const auto refused_at = [&](std::string_view path) {
    cobatch_reply* reply = nullptr;
    const auto came = call(cobatch_savings_at_prices, place.handle.get(), cobatch_str("b1"), text(path), &reply);
    CHECK(reply == nullptr);
    return came;
  };
  CHECK(refused_at(file) == COBATCH_E_IO_ERROR);
  std::ofstream(file) << "[";
  CHECK(refused_at(file) == COBATCH_E_BAD_JSON);
  std::ofstream(file) << "[]";
  CHECK(refused_at(file) == COBATCH_E_WRONG_TYPE);
}
