#include "tests/support/columns_equal.h"

#include <map>
#include <vector>

#include "snapshot/schema.h"

namespace unleak::testing {
namespace {

// The bytes of every section, field by field.
class Dump {
 public:
  explicit Dump(const snapshot::Columns& columns) {
    std::vector<snapshot::Meta> meta{columns.meta};
    Records(snapshot::SectionId::kMeta, true, meta, snapshot::kMetaFields);
    Column(snapshot::SectionId::kStringBytes, {}, true, columns.strings.bytes());
    Column(snapshot::SectionId::kStringEnds, {}, true, columns.strings.offsets());
    snapshot::VisitSections(columns, *this);
  }
  template <class Rows>
  void Column(snapshot::SectionId id, snapshot::Transform, bool, const Rows& rows) {
    for (const auto& row : rows) Append(id, row);
  }
  template <class Struct, class T>
  void Member(snapshot::SectionId id, snapshot::Transform, const std::vector<Struct>& rows, T Struct::*member) {
    for (const Struct& row : rows) Append(id, row.*member);
  }
  template <class Rows, class Fields>
  void Records(snapshot::SectionId id, bool, const Rows& rows, const Fields& fields) {
    for (const auto& row : rows) fields(row, [&](const auto& field) { Append(id, field); });
  }
  std::map<snapshot::SectionId, std::string> sections;

 private:
  template <class T>
  void Append(snapshot::SectionId id, const T& value) {
    sections[id].append(reinterpret_cast<const char*>(&value), sizeof value);
  }
};

}  // namespace

std::string ColumnsDifference(const snapshot::Columns& a, const snapshot::Columns& b) {
  Dump left(a), right(b);
  for (const auto& [id, bytes] : left.sections)
    if (right.sections[id] != bytes) return snapshot::SectionName(static_cast<u32>(id));
  for (const auto& [id, bytes] : right.sections)
    if (left.sections[id] != bytes) return snapshot::SectionName(static_cast<u32>(id));
  return "";
}

}  // namespace unleak::testing
