// Heads of HTTP requests: a line with method and target, then a header a line.
#include <algorithm>

#include "fuzz.hpp"
#include "program/http_rules.hpp"

using namespace cobatch::program;
using cobatch_fuzz::ensure;

namespace {

boost::beast::string_view beast_view(std::string_view text) { return {text.data(), text.size()}; }

http_head head_in(std::string_view text) {
  constexpr std::size_t most = 60'000;  // Beast keeps the size of a field in 16 bits
  http_head head;
  const std::string_view first = cobatch_fuzz::take_line(text).substr(0, most);
  const std::size_t space = std::min(first.find(' '), first.size());
  head.method_string(beast_view(first.substr(0, space)));
  head.target(beast_view(first.substr(std::min(space + 1, first.size()))));
  while (!text.empty()) {
    const std::string_view line = cobatch_fuzz::take_line(text).substr(0, most);
    const std::size_t colon = std::min(line.find(':'), line.size());
    head.insert(beast_view(line.substr(0, colon)), beast_view(line.substr(std::min(colon + 1, line.size()))));
  }
  return head;
}

}  // namespace

FUZZ_TARGET(http_rules) {
  using boost::beast::http::field;
  const http_head head = head_in(input);
  if (const auto refused = fault_of(head)) {
    ensure(refused->status >= 400, "a head that is not understood is refused");
    return;
  }
  const http_rules guarded{{"cobatch.example"}, "0123456789abcdef0123"};
  for (const http_rules& rules : {http_rules{}, guarded}) {
    if (refusal_of(head, rules)) continue;
    ensure(head.count(field::host) == 1, "who is answered names one host");
    const auto host = host_name_of(view(head[field::host]));
    ensure(host && (is_loopback_name(*host) || (!rules.token.empty() && *host == "cobatch.example")),
           "which is one of ours");
    if (!rules.token.empty()) ensure(head.count(field::authorization) == 1, "and gives the token, where there is one");
    if (view(head.method_string()) == "POST") ensure(head.count(field::content_type) == 1, "and says what a body is");
  }
}
