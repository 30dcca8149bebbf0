#include "capture/maps.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>

namespace unleak::capture {
namespace {

// Takes a hexadecimal number off the front of `text`.
bool TakeHex(std::string_view& text, u64* value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value, 16);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool TakeChar(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

// Drops a blank-separated field and the blanks around it.
void SkipField(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  text.remove_prefix(std::min(text.find(' '), text.size()));
}

bool ParseLine(std::string_view line, Mapping* m) {
  if (!TakeHex(line, &m->start) || !TakeChar(line, '-') || !TakeHex(line, &m->end) || !TakeChar(line, ' ')) return false;
  if (line.size() < 5 || m->end < m->start) return false;
  m->readable = line[0] == 'r';
  m->writable = line[1] == 'w';
  m->executable = line[2] == 'x';
  m->shared = line[3] == 's';
  line.remove_prefix(5);
  if (!TakeHex(line, &m->offset)) return false;
  SkipField(line);  // device
  SkipField(line);  // inode
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  m->path = line;
  return true;
}

}  // namespace

std::vector<Mapping> ParseMaps(std::string_view text) {
  std::vector<Mapping> maps;
  while (!text.empty()) {
    std::size_t end = std::min(text.find('\n'), text.size());
    Mapping mapping;
    if (ParseLine(text.substr(0, end), &mapping)) maps.push_back(std::move(mapping));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return maps;
}

Result<std::vector<Mapping>> ReadMaps(u32 pid, const std::string& proc_root) {
  std::string path = proc_root + "/" + std::to_string(pid) + "/maps";
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || text.str().empty())
    return Status(Code::kNotFound, "cannot read " + path + ": " + std::strerror(errno), "is the process still running?");
  return ParseMaps(text.str());
}

std::vector<Mapping> JoinTouching(const std::vector<Mapping>& maps) {
  const auto may_join = [](const Mapping& m) {
    return m.readable && m.writable && !m.shared && (m.path.empty() || m.path[0] == '[');
  };
  std::vector<Mapping> joined;
  for (const Mapping& m : maps) {
    Mapping* last = joined.empty() ? nullptr : &joined.back();
    if (last && last->end == m.start && may_join(*last) && may_join(m) && last->path == m.path &&
        last->executable == m.executable)
      last->end = m.end;
    else
      joined.push_back(m);
  }
  return joined;
}

const Mapping* FindMapping(const std::vector<Mapping>& maps, u64 address) {
  auto after = std::upper_bound(maps.begin(), maps.end(), address, [](u64 a, const Mapping& m) { return a < m.start; });
  if (after == maps.begin()) return nullptr;
  const Mapping& m = *--after;
  return address < m.end ? &m : nullptr;
}

}  // namespace unleak::capture
