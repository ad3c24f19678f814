// The header-only core: nothing of Cobatch is linked.
#include <iostream>

#include <cobatch/core.hpp>

int main() {
  const auto& row = cobatch::guide_table[1];
  const auto count = cobatch::count_guide(cobatch::guide_context, row.alone(), row.batch());
  std::cout << cobatch::guide_tokens(count.with) << " of " << cobatch::guide_tokens(count.without) << '\n';
  return cobatch::whole_percent(count.saved_permille().value_or(0)) == row.percent ? 0 : 1;
}
