// Price files.
#include <limits>
#include <vector>

#include <cobatch/core/text.hpp>
#include <cobatch/prices.hpp>

#include "fuzz.hpp"

using namespace cobatch;
using cobatch_fuzz::ensure;

FUZZ_TARGET(prices) {
  const cobatch_fuzz::scratch folder;
  folder.append("prices.json", input);
  const auto table = read_price_file(folder.path() / "prices.json");
  if (!table) return;
  for (const auto& warning : table->faults()) ensure(is_utf8(warning.what.message), "a warning is UTF-8");
  for (const char* model : {"claude-opus-4", "a", "provider/a", ""}) {
    const model_price* found = table->find(model);
    if (found != nullptr)
      for (const auto& one :
           {found->input, found->cache_write_5m, found->cache_write_1h, found->cache_read, found->output})
        ensure(!one || *one >= 0, "no price is negative");
    const auto cost = [&](std::int64_t n) {
      return table->cost_of(std::vector<model_tokens>{{model, {n, n, n, n, n, 0}}});
    };
    const auto least = cost(1), most = cost(std::numeric_limits<std::int64_t>::max());
    ensure(least.has_value() == most.has_value(), "a model has a price whatever the count");
    // A tier may be cheaper than what is below it.
    if (least && found != nullptr && found->tiers.empty())
      ensure(least->pico_dollars <= most->pico_dollars, "more tokens cost no less");
  }
}
