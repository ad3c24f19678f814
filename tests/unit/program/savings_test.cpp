// What `savings` says of a batch that has run.
#include "program/commands.hpp"
#include "store/store.hpp"
#include "unit/program/stand_in.hpp"

namespace cobatch_test {

using namespace program;

namespace {

settlement done(const std::string& model, const tokens& count, usage_source source = usage_source::reported) {
  settlement what;
  what.end = turn_end::done;
  what.used = usage{.by_model = {{model, count}}, .source = source};
  return what;
}

// A preamble of 1000 tokens and two tasks of 10 and 20; the second one's model is `second_model`.
void run_batch(const folder& f, const std::string& second_model = "big", usage_source source = usage_source::reported) {
  cobatch_run({"assign", "x", "x", "--batch", "b", "--open", "--preamble", "All of it.", "--root", f.str()});
  cobatch_run({"assign", "y", "y", "--batch", "b", "--root", f.str()});
  workspace place = open(f);
  const session_record session = begin_session(place);
  play_turn(place, session, done("big", {.uncached_input = 1000}, source), turn_of::preamble);
  play_turn(place, session, done("big", {.output = 10}, source));
  play_turn(place, session, done(second_model, {.output = 20}, source));
}

// A dollar for a thousand tokens of input, and for a hundred of output.
std::string price_file(const folder& f) {
  return f.write("prices.json", R"({"big": {"input_cost_per_token": 0.001, "output_cost_per_token": 0.01}})");
}

json::value cost_of(const json::value& sum) {
  const json::value* cost = sum.find("cost_usd");
  return cost == nullptr ? json::value() : *cost;
}

}  // namespace

TEST_CASE("savings shows what the shared context used in a row of its own, before the tasks") {
  const folder f;
  run_batch(f);
  const auto r = cobatch_run({"savings", "b", "--root", f.str()});
  const auto shared = r.out.find("shared context: 1K in, 0 out\n");
  REQUIRE_MESSAGE(shared != std::string::npos, r.out);
  CHECK(shared < r.out.find("   1  x: 0 in, 10 out\n"));
  const auto in_json = cobatch_run({"savings", "b", "--root", f.str(), "--json"}).json();
  REQUIRE(in_json.find("shared") != nullptr);
  CHECK(*in_json.find("shared")->find("turns") == json::value(1));
  CHECK(in_json.find("by_task")->as_array()->size() == 2);
}

TEST_CASE("savings with prices shows what the batch cost, in parts that add up to the total") {
  const folder f;
  run_batch(f);
  const auto prices = price_file(f);
  const auto r = cobatch_run({"savings", "b", "--prices", prices, "--root", f.str()});
  CHECK(r.code == exit_success);
  for (const char* row : {"batch b: 1K in, 30 out, $1.3000\n", "shared context: 1K in, 0 out, $1.0000\n",
                          "x: 0 in, 10 out, $0.1000\n", "y: 0 in, 20 out, $0.2000\n", "list prices"})
    CHECK_MESSAGE(r.out.find(row) != std::string::npos, r.out);
  const auto in_json = cobatch_run({"savings", "b", "--prices", prices, "--root", f.str(), "--json"}).json();
  CHECK(json::write(cost_of(*in_json.find("total"))) == "1.3");
  CHECK(json::write(cost_of(*in_json.find("shared"))) == "1");
  CHECK(json::write(cost_of((*in_json.find("by_task")->as_array())[1])) == "0.2");
}

TEST_CASE("where a login paid, it is said that these prices are not billed under a subscription") {
  const folder f;
  run_batch(f);
  {
    workspace place = open(f);
    const auto session = place.sessions({})->front().id;
    REQUIRE(place.storage().describe_agent(session, {"1.0", "big", "a login: a subscription, or something else"}));
  }
  const auto prices = price_file(f);
  const auto r = cobatch_run({"savings", "b", "--prices", prices, "--root", f.str()});
  CHECK_MESSAGE(r.out.find("money: at API list prices (not billed under a subscription)") != std::string::npos, r.out);
}

TEST_CASE("savings without prices names no money") {
  const folder f;
  run_batch(f);
  CHECK(cobatch_run({"savings", "b", "--root", f.str()}).out.find('$') == std::string::npos);
  CHECK(cobatch_run({"savings", "b", "--root", f.str(), "--json"}).out.find("cost_usd") == std::string::npos);
}

TEST_CASE("a model without a price is named, what it used has no cost, and there is no total") {
  const folder f;
  run_batch(f, "odd");
  const auto prices = price_file(f);
  const auto r = cobatch_run({"savings", "b", "--prices", prices, "--root", f.str()});
  CHECK(r.code == exit_success);
  CHECK(r.err.find("model \"odd\" has no price") != std::string::npos);
  CHECK(r.err.find("--prices FILE") != std::string::npos);
  CHECK(r.out.find("batch b: 1K in, 30 out\n") != std::string::npos);
  CHECK(r.out.find("x: 0 in, 10 out, $0.1000\n") != std::string::npos);
  const auto in_json = cobatch_run({"savings", "b", "--prices", prices, "--root", f.str(), "--json"}).json();
  CHECK(cost_of(*in_json.find("total")).is_null());
  CHECK(cost_of((*in_json.find("by_task")->as_array())[1]).is_null());
  CHECK(json::write(cost_of(*in_json.find("shared"))) == "1");
  CHECK(text_in(in_json.find("warnings")->as_array()->front(), "code") == "unpriced_model");
}

TEST_CASE("a price entry that cannot be used is said of a model that is used, and by the doctor, and else by nobody") {
  const folder f;
  run_batch(f);
  const std::string wrong = R"("wrong": {"input_cost_per_token": "?"})";
  const auto prices =
      f.write("prices.json", R"({"big": {"input_cost_per_token": 1, "output_cost_per_token": 1}, )" + wrong + "}");
  const auto told = [](const ran& r, std::string_view part) {
    const std::string all = r.out + r.err;
    std::size_t times = 0;
    for (auto at = all.find(part); at != std::string::npos; at = all.find(part, at + 1)) ++times;
    return times;
  };
  CHECK(told(cobatch_run({"savings", "b", "--prices", prices, "--root", f.str()}), "wrong") == 0);
  CHECK(told(cobatch_run({"savings", "b", "--prices", f.write("used.json", R"({"big": 1})"), "--root", f.str()}),
             "cannot be used whole") == 1);

  const folder g;
  const auto agent = g.write("agent.py",
                             "#!/usr/bin/env python3\n"
                             "import json, sys\n"
                             "for line in sys.stdin:\n"
                             "    print(json.dumps({'type': 'result', 'task_id': json.loads(line)['task_id'],\n"
                             "        'status': 'done', 'model': sys.argv[1], 'usage': {'input_tokens': 5,\n"
                             "        'output_tokens': 1}}), flush=True)\n",
                             0700);
  const auto run_with = [&](const std::string& model) {
    for (const char* task : {"1", "2"})
      cobatch_run({"assign", model + task, "x", "--batch", model, "--open", "--root", g.str()});
    return cobatch_run({"run", model, "--agent", "command", "--exec", agent, "--exec-arg", model, "--prices", prices,
                        "--root", g.str()});
  };
  CHECK(told(run_with("big"), "cannot be used whole") == 0);
  CHECK(told(run_with("wrong"), "cannot be used whole") == 1);

  const auto doctor = cobatch_run({"doctor", "--prices", prices, "--root", g.str()});
  CHECK(doctor.code == exit_refused);
  CHECK(told(doctor, "The price file's entry \"wrong\" cannot be used whole") == 1);
  CHECK(told(cobatch_run({"doctor", "--prices", price_file(g), "--root", g.str()}), "Every entry") == 1);
}

TEST_CASE("what nobody knows is unknown, and neither 0 tokens nor 0 dollars") {
  const folder f;
  run_batch(f);
  cobatch_run({"assign", "z", "z", "--batch", "b", "--root", f.str()});
  {
    workspace place = open(f);
    settlement silent;
    silent.end = turn_end::done;
    play_turn(place, place.sessions({})->front(), silent);
  }
  const auto prices = price_file(f);
  const auto r = cobatch_run({"savings", "b", "--prices", prices, "--root", f.str()});
  CHECK_MESSAGE(r.out.find("z: unknown\n") != std::string::npos, r.out);
  CHECK(r.out.find("the guide's count: unknown, because what task \"z\" used is not known in full\n") !=
        std::string::npos);
  const auto in_json = cobatch_run({"savings", "b", "--prices", prices, "--root", f.str(), "--json"}).json();
  const json::value& unknown = in_json.find("by_task")->as_array()->back();
  CHECK(text_in(unknown, "task_id") == "z");
  CHECK(unknown.find("tokens") == nullptr);
  CHECK(cost_of(unknown).is_null());
}

TEST_CASE("told figures are called so, and of the cache nothing is said that nobody told") {
  const folder f;
  run_batch(f, "big", usage_source::told);
  const auto r = cobatch_run({"savings", "b", "--root", f.str()});
  CHECK(r.out.find("told figures") != std::string::npos);
  CHECK(r.out.find("tokens processed: unknown, because told figures") != std::string::npos);
  const auto in_json = cobatch_run({"savings", "b", "--root", f.str(), "--json"}).json();
  const json::value& total = *in_json.find("total");
  CHECK(*total.find("told") == json::value(true));
  CHECK(*total.find("cache_unknown") == json::value(true));
  CHECK(*total.find("tokens")->find("uncached_input") == json::value(1000));
  for (const json::value* counts : {total.find("tokens"), &in_json.find("by_model")->as_array()->front()}) {
    CHECK(counts->find("cache_read") == nullptr);
    CHECK(counts->find("cache_write_5m") == nullptr);
  }
  CHECK(in_json.find("tokens_cache_read") == nullptr);
}

TEST_CASE("what was measured of the cache is shown, a 0 too") {
  const folder f;
  run_batch(f);
  const auto in_json = cobatch_run({"savings", "b", "--root", f.str(), "--json"}).json();
  CHECK(*in_json.find("total")->find("tokens")->find("cache_read") == json::value(0));
  CHECK(in_json.find("total")->find("cache_unknown") == nullptr);
  CHECK(*in_json.find("tokens_cache_read") == json::value(0));
}

TEST_CASE("whether a batch saved or took more is said in words, and no sign is left to be read") {
  const tokens load{.uncached_input = 1000};
  const auto shown = [&](const tokens& second) {
    const folder f;
    cobatch_run({"assign", "x", "x", "--batch", "b", "--open", "--root", f.str()});
    cobatch_run({"assign", "y", "y", "--batch", "b", "--root", f.str()});
    workspace place = open(f);
    const session_record session = begin_session(place);
    play_turn(place, session, done("big", load));
    play_turn(place, session, done("big", second));
    return cobatch_run({"savings", "b", "--root", f.str()}).out;
  };
  const auto says = [](const std::string& out, const std::string& part) {
    CHECK_MESSAGE(out.find("the guide's count: " + part + "\n") != std::string::npos, out);
  };
  says(shown({.cache_read = 1000}), "1K instead of 2K (50.0 % saved)");
  says(shown({.uncached_input = 1240}), "2.24K instead of 2K (12.0 % more)");
  says(shown(load), "2K instead of 2K (the same)");
  const std::string three = "\n    3     140.3K       145.8K    3.9 % more   50.7 % saved     5.0 % more\n";
  const std::string calculator = cobatch_run({"savings"}).out;
  CHECK_MESSAGE(calculator.find(three) != std::string::npos, calculator);
  CHECK(calculator.find("- is saved") == std::string::npos);
}

TEST_CASE("what played figures would cost is marked as a demo") {
  const folder f;
  run_batch(f, "big", usage_source::scripted);
  const auto prices = price_file(f);
  const auto r = cobatch_run({"savings", "b", "--prices", prices, "--root", f.str()});
  CHECK(r.out.find("demo figures") != std::string::npos);
  const auto in_json = cobatch_run({"savings", "b", "--prices", prices, "--root", f.str(), "--json"}).json();
  for (const char* sum : {"total", "shared"}) {
    CHECK_FALSE(cost_of(*in_json.find(sum)).is_null());
    CHECK(*in_json.find(sum)->find("scripted") == json::value(true));
  }
}

TEST_CASE("prices are refused where they cannot be read, and where there is no batch to price") {
  const folder f;
  run_batch(f);
  const auto missing = cobatch_run({"savings", "b", "--prices", f.str() + "/none", "--root", f.str(), "--json"});
  CHECK(text_in(missing.json(), "code") == "io_error");
  CHECK(cobatch_run({"savings", "--prices", price_file(f)}).code == exit_usage);
}

}  // namespace cobatch_test
