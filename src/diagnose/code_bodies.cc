#include "diagnose/code_bodies.h"

#include <span>

namespace unleak::diagnose {
namespace {

constexpr u64 kMostBytes = 8 << 20;

std::string Hex(std::span<const u8> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (u8 byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

Json Names(const snapshot::Columns& c, u64 first, u64 count) {
  Json names = Json::array();
  for (u64 i = first; i < first + count; ++i) names.push_back(c.strings.at(c.code_names[i]));
  return names;
}

}  // namespace

Json CodeBodies(const snapshot::Columns& c) {
  Json out = Json::array();
  u64 bytes = 0;
  for (const snapshot::CodeBody& body : c.code_bodies) {
    bytes += u64{body.instruction_bytes} + body.line_bytes;
    if (bytes > kMostBytes) break;
    const auto& code = c.codes[body.code];
    const std::span<const u8> all(c.code_bytes);
    out.push_back({{"file", c.strings.at(code.file)},
                   {"name", c.strings.at(code.name)},
                   {"qualname", c.strings.at(code.qualname)},
                   {"first_line", code.first_line},
                   {"instructions", Hex(all.subspan(body.first_byte, body.instruction_bytes))},
                   {"lines", Hex(all.subspan(body.first_byte + body.instruction_bytes, body.line_bytes))},
                   {"names", Names(c, body.first_name, body.names)},
                   {"locals", Names(c, u64{body.first_name} + body.names, body.locals)},
                   {"fast", body.fast}});
  }
  return out;
}

}  // namespace unleak::diagnose
