// JSON: whatever is read can be written, and is read again as the same.
#include <cobatch/core/text.hpp>

#include "base/json.hpp"
#include "fuzz.hpp"

using namespace cobatch;
using cobatch_fuzz::ensure;

FUZZ_TARGET(json) {
  const auto strict = json::parse(input);
  json::repairs repaired;
  const auto lenient = json::parse_leniently(input, repaired);
  if (strict) {
    ensure(lenient && *lenient == *strict, "what is read strictly is read leniently, too, and as the same");
    ensure(repaired.numbers == 0 && repaired.bytes == 0, "what is read strictly needs no repair but of surrogates");
  } else {
    ensure(is_utf8(strict.error().message) && !strict.error().message.empty(), "an error has a message");
  }
  if (!lenient) return;
  for (const std::string& text : {json::write(*lenient), json::write_pretty(*lenient)}) {
    const auto again = json::parse(text);
    ensure(again && *again == *lenient, "what was written is read again as the same");
  }
  ensure(json::write(*lenient).find('\n') == std::string::npos, "it is written as one line");
}
