#include <algorithm>

#include "api/actions.hpp"
#include "unit/api/fixture.hpp"

namespace cobatch_test {

namespace {

using request::param_spec;
using request::param_type;

// Values of every JSON type that `type` does not take.
std::vector<std::string> wrong_values(param_type type) {
  switch (type) {
    case param_type::text: return {"17", "true", "[]", "{}"};
    case param_type::integer: return {R"("5")", "true", "1.5", "[]", "{}", "99999999999999999999"};
    case param_type::number: return {R"("5")", "true", "[]", "{}"};
    case param_type::boolean: return {R"("true")", "1", "0", "null", "[]", "{}"};
    case param_type::texts: return {R"("x")", "1", "true", "{}", "[1]", "[null]", R"(["x",[]])"};
    case param_type::object: return {R"("x")", "1", "true", "[]"};
    case param_type::objects: return {R"("x")", "1", "true", "{}", "[1]", R"(["x"])", "[[]]"};
    case param_type::any: return {};
  }
  return {};
}

std::string right_value(const param_spec& spec) {
  if (spec.type == param_type::objects) return "[" + task("t") + "]";
  if (spec.name == "status") return R"("done")";
  return spec.type == param_type::text ? R"("x")" : "1";  // no others are required
}

// All required parameters, with `name` set to `value` (left out if empty).
std::string params_with(std::span<const param_spec> specs, std::string_view name, const std::string& value) {
  std::string out;
  for (const auto& spec : specs) {
    const std::string content = spec.name == name ? value : spec.required ? right_value(spec) : "";
    if (!content.empty()) out += (out.empty() ? "\"" : ",\"") + std::string(spec.name) + "\":" + content;
  }
  return "{" + out + "}";
}

void check_refused(fixture& f, const parsed_reply& r, std::string_view code) {
  CHECK(r.kind == reply_kind::refused);
  CHECK(r.text("status") == "error");
  CHECK(r.text("code") == code);
  CHECK(r.says("Nothing was changed"));
  CHECK(f.stored_tasks() == 0);
}

// By the workspace, for all who ask it.
void check_not_stored(fixture& f, const parsed_reply& r, std::string_view code) {
  CHECK(r.kind == reply_kind::refused);
  CHECK(r.text("code") == code);
  CHECK(r.says("Nothing was stored"));
  CHECK(f.stored_tasks() == 0);
}

}  // namespace

TEST_CASE("every parameter of every action refuses every wrong type, names itself, and stores nothing") {
  fixture f;
  for (const auto& action : request::actions())
    for (const auto& spec : action.params)
      for (const auto& value : wrong_values(spec.type)) {
        const std::string params = params_with(action.params, spec.name, value);
        CAPTURE(action.name);
        CAPTURE(params);
        const auto r = f.ask(action.name, params);
        check_refused(f, r, "wrong_type");
        CHECK(r.says(spec.name));
      }
}

TEST_CASE("every field of a task in a batch refuses every wrong type and tells which task it was") {
  fixture f;
  for (const auto& spec : request::batch_task_fields())
    for (const auto& value : wrong_values(spec.type)) {
      const std::string params =
          R"({"tasks":[)" + task("fine") + "," + params_with(request::batch_task_fields(), spec.name, value) + "]}";
      CAPTURE(params);
      const auto r = f.ask("assign_batch", params);
      check_refused(f, r, "wrong_type");
      CHECK(r.says("tasks[1]." + std::string(spec.name)));
    }
}

TEST_CASE("every part of a budget refuses every wrong type and tells that it is the budget's") {
  fixture f;
  const auto params = request::find_action("assign_task")->params;
  const auto budget_param =
      std::find_if(params.begin(), params.end(), [](const auto& spec) { return spec.name == "budget"; });
  REQUIRE(budget_param != params.end());
  REQUIRE_FALSE(budget_param->fields.empty());
  for (const auto& spec : budget_param->fields)
    for (const auto& value : wrong_values(spec.type)) {
      const std::string budget = params_with(budget_param->fields, spec.name, value);
      CAPTURE(budget);
      const auto r = f.ask("assign_task", task("t", R"(,"budget":)" + budget));
      check_refused(f, r, "wrong_type");
      CHECK(r.says("'budget." + std::string(spec.name) + "'"));
    }
}

TEST_CASE("what was given and what was meant are each named once") {
  fixture f;
  CHECK(f.ask("assign_task", task("t", R"(,"auto_execute":"False")")).text("message") ==
        "'auto_execute' is a string ('False'); it must be true or false, without quotes. Nothing was changed.");
  CHECK(f.ask("assign_task", task("t", R"(,"batch_id":")" + std::string(129, 'x') + "\"")).text("message") ==
        "'batch_id' has 129 bytes; the limit is 128. Nothing was changed.");
  CHECK(f.ask("assign_task", task("t", R"(,"needs":["a",""])")).text("message") ==
        "'needs[1]' is empty; give 1 to 128 bytes. Nothing was changed.");
}

TEST_CASE("of a list with something else in it the place is told") {
  fixture f;
  const auto r = f.ask("assign_task", task("t", R"(,"needs":["a",17])"));
  check_refused(f, r, "wrong_type");
  CHECK(r.says("'needs[1]' is a number ('17'); it must be a string"));
}

TEST_CASE("every required parameter is missed, whether absent or null") {
  fixture f;
  for (const auto& action : request::actions())
    for (const auto& spec : action.params) {
      if (!spec.required) continue;
      for (const std::string value : {"", "null"}) {
        CAPTURE(action.name);
        CAPTURE(spec.name);
        const auto r = f.ask(action.name, params_with(action.params, spec.name, value));
        check_refused(f, r, "missing_field");
        CHECK(r.says(spec.name));
      }
    }
}

TEST_CASE("params that are no object are refused") {
  fixture f;
  for (const std::string params : {"[]", "\"x\"", "1", "true"})
    check_refused(f, f.ask("assign_task", params), "wrong_type");
}

TEST_CASE("what is no JSON object is malformed") {
  fixture f;
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "bad_json"},
      {"not json", "bad_json"},
      {R"({"a":)", "bad_json"},
      {"{} {}", "bad_json"},
      {"[]", "not_an_object"},
      {"null", "not_an_object"},
      {"\"text\"", "not_an_object"},
      {"17", "not_an_object"},
      {"{\"tool_name\":\"\xFF\"}", "bad_encoding"},
      {"\xC0\x80", "bad_encoding"},
      {std::string(300, '[') + std::string(300, ']'), "bad_json"}};
  for (const auto& [text, code] : cases) {
    CAPTURE(text);
    const auto r = f.send(text);
    CHECK(r.kind == reply_kind::malformed);
    CHECK(r.text("code") == code);
    CHECK(r.says("Nothing was changed"));
  }
}

TEST_CASE("a request over 16 MiB is refused before it is read, with limit and size") {
  fixture f;
  const auto r = f.send(std::string(max_request_bytes + 1, ' '));
  CHECK(r.kind == reply_kind::malformed);
  CHECK(r.text("code") == "too_large");
  CHECK(r.says(std::to_string(max_request_bytes)));
  CHECK(r.says(std::to_string(max_request_bytes + 1)));
}

TEST_CASE("an unknown tool is refused and told which there is") {
  fixture f;
  const auto r = f.send(R"({"tool_name":"other","action":"assign_task","params":{}})");
  check_refused(f, r, "unknown_tool");
  CHECK(r.list("available_tools").size() == 1);
  check_refused(f, f.send(R"({"action":"assign_task","params":{}})"), "missing_field");
  check_refused(f, f.send(R"({"tool_name":1,"action":"assign_task","params":{}})"), "wrong_type");
}

TEST_CASE("an unknown action is refused with what there is, and a near miss with what was meant") {
  fixture f;
  const auto near = f.ask("asign_task");
  check_refused(f, near, "unknown_action");
  CHECK(near.list("available_actions").size() == request::actions().size());
  CHECK(near.text("did_you_mean") == "assign_task");
  CHECK(near.says("did you mean 'assign_task'? Nothing was changed."));
  const auto far = f.ask("make_me_a_sandwich_please");
  check_refused(f, far, "unknown_action");
  CHECK(far.body.find("did_you_mean") == nullptr);
}

TEST_CASE("values out of range are refused with what is wanted") {
  fixture f;
  const std::vector<std::pair<std::string, std::string>> cases{
      {"assign_task", task("t", R"(,"priority":"urgent")")},
      {"assign_task", task("t", R"(,"max_attempts":0)")},
      {"assign_task", task("t", R"(,"max_attempts":101)")},
      {"assign_task", task("t", R"(,"agent":"")")},
      {"assign_task", task("t", R"(,"assigned_by":"a\u0007b")")},
      {"assign_task", task("t", R"(,"model":"")")},
      {"assign_task", task("t", R"(,"model":"a\nb")")},
      {"assign_task", task("t", R"(,"time_limit_seconds":0)")},
      {"assign_task", task("t", R"(,"time_limit_seconds":86401)")},
      {"assign_task", task("t", R"(,"way":"forks")")},
      {"assign_task", task("t", R"(,"on_error":"")")},
      {"assign_task", task("t", R"(,"budget":{"usd":-1})")},
      {"assign_task", task("t", R"(,"budget":{"usd":0.0000000001})")},
      {"assign_task", task("t", R"(,"budget":{"usd":1000000000})")},
      {"assign_task", task("t", R"(,"budget":{"minutes":-0.5})")},
      {"assign_task", task("t", R"(,"budget":{"unknown":"maybe"})")},
      {"assign_task", task("t", R"(,"budget":{"minutes":5,"unknown":"hold"})")},
      {"assign_batch", R"({"tasks":[{"task_id":"t","description":"d"}],"model":""})"},
      {"batch_status", R"({"batch_id":"b","limit":1001})"},
      {"batch_status", R"({"batch_id":"b","after_position":-1})"},
      {"wait_batch", R"({"batch_id":"b","timeout_seconds":41})"},
      {"wait_batch", R"({"batch_id":"b","timeout_seconds":-1})"}};
  for (const auto& [action, params] : cases) {
    CAPTURE(params);
    check_refused(f, f.ask(action, params), "bad_value");
  }
}

TEST_CASE("ids that cannot stand on a line are refused") {
  fixture f;
  const std::string too_long(max_id_bytes + 1, 'x');
  for (const std::string& id : {std::string(), too_long, std::string(R"(a\nb)"), std::string(R"(\u001b[31m)")}) {
    CAPTURE(id);
    check_refused(f, f.ask("assign_task", R"({"task_id":")" + id + R"(","description":"d"})"), "bad_id");
    check_refused(f, f.ask("assign_task", task("t", R"(,"batch_id":")" + id + "\"")), "bad_id");
    check_refused(f, f.ask("batch_status", R"({"batch_id":")" + id + "\"}"), "bad_id");
    check_refused(f, f.ask("cancel_task", R"({"task_id":")" + id + "\"}"), "bad_id");
    check_refused(f, f.ask("assign_task", task("t", R"(,"needs":[")" + id + "\"]")), "bad_id");
  }
}

TEST_CASE("over-long texts are refused with limit and size, those at the limit are stored") {
  fixture f;
  const auto described = [](std::size_t n) {
    return R"({"task_id":"t","batch_id":"b","description":")" + std::string(n, 'd') + "\"}";
  };
  const auto r = f.ask("assign_task", described(max_description_bytes + 1));
  check_not_stored(f, r, "too_large");
  CHECK(r.says(std::to_string(max_description_bytes)));
  CHECK(r.says(std::to_string(max_description_bytes + 1)));
  check_not_stored(f, f.ask("assign_task", task("t", R"(,"context":")" + std::string(max_context_bytes, 'c') + "\"")),
                   "too_large");
  check_refused(f, f.ask("assign_task", task("t", R"(,"agent":")" + std::string(max_id_bytes + 1, 'a') + "\"")),
                "too_large");
  CHECK(f.ask("assign_task", described(max_description_bytes)).text("status") == "success");
}

TEST_CASE("what a task or a batch must not hold is refused, and nothing is stored") {
  fixture f;
  const auto list_of = [](std::size_t n) {
    std::string list;
    for (std::size_t i = 0; i < n; ++i) list += (i > 0 ? ",\"x" : "\"x") + std::to_string(i) + '"';
    return "[" + list + "]";
  };
  const std::vector<std::pair<std::string, std::string>> cases{
      {R"("needs":["t"])", "bad_value"},
      {R"("needs":["a","a"])", "bad_value"},
      {R"("needs":)" + list_of(most_needs + 1), "too_large"},
      {R"("check":[""])", "bad_value"},
      {R"("check":["a\u0000"])", "bad_value"},
      {R"("check":)" + list_of(most_check_arguments + 1), "too_large"},
      {R"("check":[")" + std::string(65 * 1024, 'x') + "\"]", "too_large"},
      {R"("tools":[""])", "bad_value"},
      {R"("tools":["a\u001b[2J"])", "bad_value"},
      {R"("tools":)" + list_of(most_tools + 1), "too_large"},
      {R"("budget":{"tokens":-1})", "bad_value"},
      {R"("preamble":")" + std::string(max_preamble_bytes + 1, 'x') + '"', "too_large"},
      {R"("context_files":)" + list_of(most_preamble_files + 1), "too_large"},
      {R"("context_files":["a\nb"])", "bad_value"},
  };
  for (const auto& [more, code] : cases) {
    CAPTURE(more.substr(0, 80));
    check_not_stored(f, f.ask("assign_task", task("t", "," + more)), code);
  }
}

TEST_CASE("a blank description is refused by every action that takes one") {
  fixture f;
  for (const std::string description : {"", " ", R"( \t\r\n)"}) {
    CAPTURE(description);
    const std::string blank = R"({"task_id":"t","description":")" + description + "\"}";
    check_not_stored(f, f.ask("assign_task", blank), "bad_value");
    check_not_stored(f, f.ask("assign_batch", R"({"tasks":[)" + task("a") + "," + blank + "]}"), "bad_value");
    CHECK(f.ask("batch_assign_tasks", R"({"tasks":[)" + blank + "]}").text("code") == "bad_value");
    CHECK(f.stored_tasks() == 0);
  }
  f.ask("assign_task", task("t", R"(,"auto_execute":false)"));
  CHECK(f.ask("update_task", R"({"task_id":"t","description":" "})").text("code") == "bad_value");
}

TEST_CASE("a context file is a path below the agent's folder") {
  fixture f;
  for (const std::string file : {"", "/etc/passwd", "..", "../a", "a/../b", "a/..", "a//b", "a/", "//"}) {
    CAPTURE(file);
    const auto r = f.ask("assign_task", task("t", R"(,"context_files":[")" + file + "\"]"));
    CHECK(r.text("code") == "bad_value");
    CHECK(r.says("is not a path below the agent's folder"));
  }
  CHECK(f.stored_tasks() == 0);
  CHECK(f.ask("assign_task", task("t", R"(,"context_files":["a","b/..c/d.md","./e"])")).text("status") == "success");
}

TEST_CASE("an empty batch is refused") {
  fixture f;
  const auto r = f.ask("assign_batch", R"({"tasks":[]})");
  CHECK(r.kind == reply_kind::refused);
  CHECK(r.text("code") == "bad_value");
}

TEST_CASE("a refused request leaves the next one alone") {
  fixture f;
  f.send("not json");
  f.ask("assign_task", R"({"task_id":1})");
  CHECK(f.ask("assign_task", task("t")).text("status") == "success");
  CHECK(f.stored_tasks() == 1);
}

TEST_CASE("a parameter that is nearly right is refused with the right name, and nothing starts") {
  fixture f;
  const std::string rest = R"("task_id":"t","description":"d")";
  const std::string in_tasks = R"({"batch_id":"b","tasks":[{"task_id":"t","description":"d",)";
  const std::vector<std::tuple<std::string, std::string, std::string>> cases{
      {"assign_task", R"({"taskId":"t","description":"d","autoExecute":false,"batchId":"b"})", "'task_id'"},
      {"assign_task", "{" + rest + R"(,"autoExecute":false})", "'auto_execute'"},
      {"assign_task", "{" + rest + R"(,"AUTO-EXECUTE":false})", "'auto_execute'"},
      {"assign_task", "{" + rest + R"(,"auto_excute":false})", "'auto_execute'"},
      {"assign_task", "{" + rest + R"(,"auto_exceute":false})", "'auto_execute'"},
      {"assign_task", "{" + rest + R"(,"batchId":"b"})", "'batch_id'"},
      {"assign_task", "{" + rest + R"(,"batch_id":"b","batchid":"c"})", "'batch_id'"},
      {"assign_task", "{" + rest + R"(,"Way":"fork"})", "'way'"},
      {"assign_task", "{" + rest + R"(,"budget":{"token":5}})", "'tokens'"},
      {"assign_batch", R"({"tasks":[],"batch-id":"b"})", "'batch_id'"},
      {"assign_batch", in_tasks + R"("prority":"high"}]})", "'priority'"},
      {"batch_assign_tasks", in_tasks + R"("autoExecute":false}]})", "'auto_execute'"},
      {"batch_assign_tasks", R"({"task":[]})", "'tasks'"},
      {"execute_queue", R"({"batchId":"b"})", "'batch_id'"},
      {"execute_queue", R"({"batch":"b"})", "'batch_id'"},
      {"assign_task", "{" + rest + R"(,"auto_exec":false})", "'auto_execute'"},
      {"assign_task", "{" + rest + R"(,"auto":false})", "'auto_execute'"},
      {"assign_task", "{" + rest + R"(,"batch":"zz"})", "'batch_id'"},
  };
  for (const auto& [action, params, right] : cases) {
    CAPTURE(params);
    const auto r = f.ask(action, params);
    CHECK(r.kind == reply_kind::refused);
    CHECK(r.text("code") == "bad_value");
    CHECK(r.says("Call it " + right));
    CHECK_FALSE(r.warns("unknown_param"));
    CHECK(f.stored_tasks() == 0);
  }
  const auto envelope =
      f.send(R"({"tool_name":"claude_assistant","action":"execute_queue","Params":{"batch_id":"b"}})");
  CHECK(envelope.text("code") == "bad_value");
  CHECK(envelope.says("Call it 'params'"));
}

TEST_CASE("a parameter that no known one is nearly is warned of, be it as short as one") {
  fixture f;
  const auto r = f.ask("assign_task",
                       task("t", R"(,"wax":1,"ways":1,"tag":1,"id":1,"bach_idd":"b","budget":{"use":1,"dollars":1})"));
  CHECK(r.text("status") == "success");
  CHECK(r.list("warnings").size() >= 5);
  CHECK(r.warns("unknown_param"));
  CHECK(json::write(r.body).find("did you mean") == std::string::npos);
}

TEST_CASE("no parameter is nearly another one of its action but for one that begins with it") {
  const auto check = [](std::span<const param_spec> specs) {
    for (const auto& one : specs) {
      CAPTURE(one.name);
      CHECK(request::meant_name(one.name, specs) == one.name);
      std::vector<param_spec> others;
      for (const auto& other : specs)
        if (other.name != one.name) others.push_back(other);
      const std::string_view meant = request::meant_name(one.name, others);
      CHECK((meant.empty() || meant.starts_with(one.name)));
    }
  };
  for (const auto& action : request::actions()) {
    check(action.params);
    for (const auto& param : action.params) check(param.fields);
  }
}

TEST_CASE("parameters beside params are told to be put inside, and of nothing else the reply speaks") {
  fixture f;
  for (const std::string params : {"", R"("params":{},)", R"("params":{"task_id":"t","description":"d"},)"}) {
    CAPTURE(params);
    const auto r = f.send(R"({"tool_name":"claude_assistant","action":"assign_task",)" + params +
                          R"("task_id":"t","auto_execute":false,"description":null,"note":1})");
    check_refused(f, r, "bad_value");
    CHECK(r.says("'task_id', 'auto_execute'."));
    CHECK(r.says("Put them inside 'params'"));
    CHECK_FALSE(r.says("note"));
    CHECK_FALSE(r.says("missing"));
    CHECK_FALSE(r.warns("unknown_param"));
  }
  const auto other = f.send(R"({"tool_name":"claude_assistant","action":"health","id":7,"arguments":null})");
  CHECK(other.text("status") == "success");
  CHECK(other.warns("unknown_param"));
}

TEST_CASE("the parameters of an action under another name than params are refused, and nothing runs") {
  fixture f;
  for (const std::string name : {"parameters", "arguments", "Arguments", "params_"}) {
    CAPTURE(name);
    const auto r =
        f.send(R"({"tool_name":"claude_assistant","action":"execute_queue",")" + name + R"(":{"batch_id":"b"}})");
    check_refused(f, r, "bad_value");
    CHECK(r.says("Call it 'params'"));
  }
}

TEST_CASE("what stands beside params and is none of the action's parameters is not taken for one") {
  fixture f;
  for (const std::string beside : {R"("priority":null)", R"("tool":"x")", R"("note":1)"}) {
    CAPTURE(beside);
    const auto r = f.send(R"({"tool_name":"claude_assistant","action":"assign_task",)" + beside + R"(,"params":)" +
                          task("t") + "}");
    CHECK_FALSE(r.says("inside 'params'"));
  }
}

TEST_CASE("hostile names in a request cannot bring control characters into a message") {
  fixture f;
  const auto r = f.ask("assign_task", task("t", R"(,"\u001b[2Jx":1)"));
  CHECK(r.warns("unknown_param"));
  CHECK(json::write(r.body).find("\\u001b") == std::string::npos);
}

}  // namespace cobatch_test
