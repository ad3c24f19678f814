// Heads of HTTP requests: a line with method and target, then a header a line.
#include <algorithm>
#include <variant>

#include "fuzz.hpp"
#include "program/http_rules.hpp"

using namespace cobatch::program;
using cobatch_fuzz::ensure;

namespace {

http_raw_head head_in(std::string_view text) {
  http_raw_head head;
  const std::string_view first = cobatch_fuzz::take_line(text);
  const std::size_t space = std::min(first.find(' '), first.size());
  head.method = first.substr(0, space);
  head.target = first.substr(std::min(space + 1, first.size()));
  while (!text.empty()) {
    const std::string_view line = cobatch_fuzz::take_line(text);
    const std::size_t colon = std::min(line.find(':'), line.size());
    head.fields.emplace_back(line.substr(0, colon), line.substr(std::min(colon + 1, line.size())));
  }
  return head;
}

}  // namespace

FUZZ_TARGET(http_rules) {
  const auto read = read_head(head_in(input));
  if (const auto* refused = std::get_if<http_reply>(&read)) {
    ensure(refused->status >= 400, "a head that is not understood is refused");
    return;
  }
  const http_head& head = std::get<http_head>(read);
  const http_rules guarded{{"cobatch.example"}, "0123456789abcdef0123"};
  for (const http_rules& rules : {http_rules{}, guarded}) {
    if (refusal_of(head, rules)) continue;
    ensure(head.hosts.size() == 1, "who is answered names one host");
    const auto host = host_name_of(head.hosts.front());
    ensure(host && (is_loopback_name(*host) || (!rules.token.empty() && *host == "cobatch.example")),
           "which is one of ours");
    if (!rules.token.empty()) ensure(head.authorization.has_value(), "and gives the token, where there is one");
    if (head.method == "POST") ensure(head.content_type.has_value(), "and says what a body is");
  }
}
