#include "program/http_answers.hpp"

#include <utility>

#include <fmt/core.h>

#include "base/json.hpp"

namespace cobatch::program {

namespace {

int status_of(const reply& answered) {
  switch (answered.kind) {
    case reply_kind::ok:
    case reply_kind::refused:
      return 200;
    case reply_kind::malformed:
      return answered.why == errc::too_large ? 413 : 400;
    case reply_kind::fault:
      break;
  }
  return 503;
}

}  // namespace

std::variant<http_reply, request::batch_wait> http_answers::execute(std::string_view body) const {
  auto begun = request::begin(place_, body, prices_.get());
  if (auto* wait = std::get_if<request::batch_wait>(&begun)) return std::move(*wait);
  return http_reply_of(std::get<reply>(std::move(begun)));
}

http_reply http_answers::get(http_endpoint what) const {
  if (what == http_endpoint::supported_actions) return {200, supported_actions_json()};
  if (what == http_endpoint::front) return {200, front()};
  if (const auto fine = place_.check_in_place(); !fine) return http_error(503, fine.error());
  return {200, json::write(json::object{{"status", "healthy"}, {"version", version()}, {"engine", has_engine()}})};
}

std::string http_answers::front() const {
  json::object links;
  for (const auto& route : http_routes())
    links.push_back({std::string(route.path), std::string(route.methods.substr(0, route.methods.find(',')))});
  json::object out{{"status", "online"},
                   {"name", "cobatch"},
                   {"version", version()},
                   {"workspace", place_.paths().root.string()},
                   {"engine", has_engine()}};
  if (has_engine()) out.push_back({"agent", agent_});
  out.push_back({"links", std::move(links)});
  return json::write(std::move(out));
}

http_reply http_reply_of(reply answered) {
  const int status = status_of(answered);
  return {status, std::move(answered.json)};
}

http_reply came_too_slowly() {
  return http_error(408, {errc::timed_out, "The request did not come in time. Nothing was changed."});
}

http_reply body_too_large() {
  return http_error(413, {errc::too_large, fmt::format("The body has more than {} bytes, which is the limit. Nothing "
                                                       "was changed. Send the tasks in several calls of assign_batch.",
                                                       max_request_bytes)});
}

http_reply too_busy(std::string_view why) {
  auto reply =
      http_error(503, {errc::busy, fmt::format("{} Nothing was changed. Send the request again in a second.", why)});
  reply.headers.emplace_back("Retry-After", "1");
  return reply;
}

}  // namespace cobatch::program
