// From a request to its reply.
#include "api/request.hpp"

#include <array>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "api/actions.hpp"
#include "base/text.hpp"
#include "store/store.hpp"
#include "views/record_json.hpp"
#include "workspace/workspace.hpp"

namespace cobatch {

namespace request {

namespace {

constexpr std::string_view example =
    R"({"tool_name":"claude_assistant","action":"assign_task","params":{"task_id":"t1","description":"…"}})";

// ------------------------------------------------------------------------------------------------------ replies

object_reply error_reply(reply_kind kind, const error& e, json::object extra = {}, std::vector<warning> warnings = {}) {
  json::object body{{"status", "error"}, {"code", name_of(e.code)}, {"message", sentence(e.message)}};
  for (auto& field : extra) body.push_back(std::move(field));
  if (!warnings.empty()) body.push_back({"warnings", warnings_json(warnings)});
  return {kind, std::move(body), e.code};
}

object_reply refused(refusal why, std::vector<warning> warnings = {}) {
  const reply_kind kind = is_fault(why.what.code) ? reply_kind::fault : reply_kind::refused;
  return error_reply(kind, why.what, std::move(why.extra), std::move(warnings));
}

object_reply reply_of(outcome done, std::vector<warning> more) {
  if (!done) return refused(std::move(done.error()), std::move(more));
  json::object body{{"status", done->status}};
  for (auto& field : done->fields) body.push_back(std::move(field));
  for (auto& entry : more) done->warnings.push_back(std::move(entry));
  if (!done->warnings.empty()) body.push_back({"warnings", warnings_json(done->warnings)});
  return {reply_kind::ok, std::move(body), std::nullopt};
}

reply written(object_reply answered) { return {answered.kind, json::write(std::move(answered.body)), answered.why}; }

object_reply failed_inside(const std::exception& e) {
  return error_reply(reply_kind::fault,
                     {errc::internal, fmt::format("The request failed inside Cobatch ({}). It may have been carried "
                                                  "out: ask for its state, or repeat it, which is safe.",
                                                  e.what())});
}

// ----------------------------------------------------------------------------------------------------- envelope

constexpr std::array envelope_params{
    param_spec{"tool_name", param_type::text, true, "The tool; always claude_assistant."},
    param_spec{"action", param_type::text, true, "What to do; see get_supported_actions."},
    param_spec{"params", param_type::any, false, "The action's parameters."},
};

// What other protocols call `params`.
constexpr std::array other_names_of_params{param_spec{"parameters", param_type::any, false, ""},
                                           param_spec{"arguments", param_type::any, false, ""}};

refusal unknown_tool(std::string_view given) {
  return {errc::unknown_tool,
          fmt::format("There is no tool {}; the tool here is '{}'. Nothing was changed.", quoted_text(given),
                      protocol_tool),
          {{"available_tools", json::array{protocol_tool}}}};
}

refusal unknown_action(std::string_view given) {
  std::vector<std::string_view> names;
  json::array available;
  for (const auto& entry : actions()) {
    names.push_back(entry.name);
    available.emplace_back(entry.name);
  }
  const std::string_view meant = nearest(given, names);
  json::object more{{"available_actions", std::move(available)}};
  if (!meant.empty()) more.push_back({"did_you_mean", meant});
  return {errc::unknown_action,
          fmt::format("There is no action {}{} Nothing was changed.", quoted_text(given),
                      meant.empty() ? "." : fmt::format("; did you mean '{}'?", meant)),
          std::move(more)};
}

// Parameters of the action that stand beside `params`; empty if there are none.
std::string misplaced_params(const json::value& request, const action& wanted) {
  constexpr std::size_t most_named = 5;
  std::vector<std::string> names;
  for (const auto& member : *request.as_object())
    if (!member.content.is_null() && meant_name(member.name, envelope_params).empty() &&
        meant_name(member.name, wanted.params) == member.name && names.size() < most_named)
      names.push_back(quoted_text(member.name));
  return fmt::format("{}", fmt::join(names, ", "));
}

// -------------------------------------------------------------------------------------------------- dispatch

using step = std::variant<object_reply, batch_wait>;

step dispatch(workspace& place, const price_table* prices, const json::value& request) {
  unknown_members unknown;
  for (const auto& member : *request.as_object())
    if (!member.content.is_null() && !meant_name(member.name, other_names_of_params).empty())
      return refused(misnamed("", member.name, "params"));
  const auto envelope = arguments::check(request, envelope_params, "", unknown);
  if (!envelope) return refused(envelope.error(), unknown.take());
  if (const std::string& tool = *envelope->text("tool_name"); tool != protocol_tool)
    return refused(unknown_tool(tool), unknown.take());
  const std::string& name = *envelope->text("action");
  const action* wanted = find_action(name);
  if (wanted == nullptr) return refused(unknown_action(name), unknown.take());
  // That one of them is missing, or unknown, would only lead astray.
  if (const auto beside = misplaced_params(request, *wanted); !beside.empty())
    return refused(
        refusal{errc::bad_value, fmt::format("The action's parameters stand beside 'params': {}. Nothing was changed. "
                                             "Put them inside 'params'.",
                                             beside)});

  const json::value nothing{json::object{}};
  const json::value* given = envelope->any("params");
  const auto params = arguments::check(given == nullptr ? nothing : *given, wanted->params, "", unknown);
  if (!params) return refused(params.error(), unknown.take());
  auto done = wanted->run(call{place, prices, *params, unknown});
  if (!done || !done->wait) return reply_of(std::move(done), unknown.take());
  done->wait->warnings = unknown.take();
  return std::move(*done->wait);
}

step answer_text(workspace& place, const price_table* prices, std::string_view text) {
  const auto malformed = [](errc code, const std::string& message) {
    return error_reply(reply_kind::malformed, {code, message});
  };
  if (text.size() > max_request_bytes)
    return malformed(errc::too_large,
                     fmt::format("The request has {} bytes; the limit is {}. Nothing was changed. Send "
                                 "the tasks in several calls of assign_batch.",
                                 text.size(), max_request_bytes));
  const auto parsed = json::parse(text);
  if (!parsed)
    return malformed(parsed.error().code, fmt::format("The request could not be read: {}. Nothing was changed. It must "
                                                      "be one JSON object such as {}",
                                                      parsed.error().message, example));
  if (parsed->as_object() == nullptr)
    return malformed(errc::not_an_object,
                     fmt::format("The request is {}; it must be one JSON object such as {} Nothing "
                                 "was changed.",
                                 parsed->kind(), example));
  return dispatch(place, prices, *parsed);
}

std::optional<object_reply> look_at(workspace& place, const result<std::optional<batch_record>>& now,
                                    const batch_wait& wait, bool stopping) {
  if (!now) return refused(now.error(), wait.warnings);
  if (!has_ended(*now, wait.round) && !stopping && std::chrono::steady_clock::now() < wait.deadline)
    return std::nullopt;
  return reply_of(answer_wait(place, wait, stopping), wait.warnings);
}

// Waits until there is an answer.
object_reply finish(workspace& place, step begun, const std::stop_token& stop) {
  if (auto* done = std::get_if<object_reply>(&begun)) return std::move(*done);
  const auto& wait = std::get<batch_wait>(begun);
  for (;;) {
    const std::int64_t seen = place.storage().version();
    if (auto done = look_at(place, place.storage().find_batch(wait.batch), wait, stop.stop_requested()))
      return std::move(*done);
    place.storage().wait_for_change(seen, wait.deadline, stop);
  }
}

json::object param_object(const param_spec& spec) {
  json::object out{{"name", spec.name}};
  if (const auto type = schema_name(spec.type); !type.empty()) out.push_back({"type", type});
  out.push_back({"required", spec.required});
  out.push_back({"description", spec.description});
  if (spec.type == param_type::texts) out.push_back({"items", schema_name(param_type::text)});
  if (spec.fields.empty()) return out;
  json::array fields;
  for (const auto& field : spec.fields) fields.emplace_back(param_object(field));
  out.push_back({"fields", std::move(fields)});
  return out;
}

}  // namespace

std::variant<reply, batch_wait> begin(workspace& place, std::string_view request, const price_table* prices) {
  try {
    auto begun = answer_text(place, prices, request);
    if (auto* wait = std::get_if<batch_wait>(&begun)) return std::move(*wait);
    return written(std::get<object_reply>(std::move(begun)));
  } catch (const std::exception& e) {
    return written(failed_inside(e));
  }
}

object_reply ask(workspace& place, std::string_view action, json::object params) {
  const json::value request(
      json::object{{"tool_name", protocol_tool}, {"action", action}, {"params", std::move(params)}});
  try {
    return finish(place, dispatch(place, nullptr, request), {});
  } catch (const std::exception& e) {
    return failed_inside(e);
  }
}

const result<std::optional<batch_record>>& batch_look::present(const batch_id& batch) {
  const auto known = seen_.find(batch);
  return known != seen_.end() ? known->second : seen_.emplace(batch, place_.storage().find_batch(batch)).first->second;
}

std::optional<reply> batch_look::reply_to(const batch_wait& wait, bool stopping) {
  try {
    auto done = look_at(place_, present(wait.batch), wait, stopping);
    return done ? std::optional(written(std::move(*done))) : std::nullopt;
  } catch (const std::exception& e) {
    return written(failed_inside(e));
  }
}

}  // namespace request

reply v1::handle_request(workspace& place, std::string_view text, std::stop_token stop) {
  try {
    return request::written(request::finish(place, request::answer_text(place, nullptr, text), stop));
  } catch (const std::exception& e) {
    return request::written(request::failed_inside(e));
  }
}

std::string v1::supported_actions_json() {
  json::array list;
  for (const auto& entry : request::actions()) {
    json::array params;
    for (const auto& spec : entry.params) params.emplace_back(request::param_object(spec));
    list.emplace_back(json::object{{"tool", protocol_tool},
                                   {"action", entry.name},
                                   {"params", std::move(params)},
                                   {"description", entry.description}});
  }
  return json::write(json::object{{"status", "success"}, {"supported_actions", std::move(list)}});
}

std::string v1::error_json(const error& e) { return json::write(request::error_reply(reply_kind::refused, e).body); }

}  // namespace cobatch
