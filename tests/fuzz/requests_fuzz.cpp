// Requests, a line each, to one workspace.
#include <stop_token>

#include <cobatch/protocol.hpp>
#include <cobatch/workspace.hpp>

#include "base/json.hpp"
#include "fuzz.hpp"

using namespace cobatch;
using cobatch_fuzz::ensure;

FUZZ_TARGET(requests) {
  const cobatch_fuzz::scratch folder;
  auto place = workspace::open({.root = folder.path()});
  ensure(place.has_value(), "a workspace is opened");
  std::stop_source stopped;  // nothing waits
  stopped.request_stop();
  for (int requests = 0; !input.empty() && requests < 20; ++requests) {
    const reply said = handle_request(*place, cobatch_fuzz::take_line(input), stopped.get_token());
    const auto body = json::parse(said.json);
    ensure(body && body->as_object() != nullptr, "a reply is a JSON object");
    ensure(said.json.find('\n') == std::string::npos, "a reply is one line");
    const json::value* status = body->find("status");
    ensure(status != nullptr && status->as_string() != nullptr, "a reply has a status");
    ensure(said.why.has_value() == (said.kind != reply_kind::ok), "what is not done has a code");
    ensure(said.kind != reply_kind::fault, "nothing is wrong with the store");
    if (said.why) ensure(body->find("code") != nullptr && body->find("message") != nullptr, "a refusal has its reason");
  }
  ensure(place->status().has_value(), "the workspace has a status");
  ensure(place->refresh_views().empty(), "the views are written");
}
